"""Codes of countries and languages, and the names that people and programs write for them.

Only what is in one of these tables is a code: `XX` is no country and `at` no language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache

import phonenumbers

NO_LETTERS = re.compile(r"[\W_]+")
_ALPHA_3 = (
    "ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATGAG AUSAU AUTAT AZEAZ "
    "BDIBI BELBE BENBJ BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO "
    "BRABR BRBBB BRNBN BTNBT BWABW CAFCF CANCA CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK "
    "COLCO COMKM CPVCV CRICR CUBCU CUWCW CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK DOMDO DZADZ "
    "ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB "
    "GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU "
    "GUYGY HKGHK HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT "
    "JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR "
    "LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV "
    "MEXMX MHLMH MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW "
    "MYSMY MYTYT NAMNA NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM "
    "PAKPK PANPA PERPE PHLPH PLWPW PNGPG POLPL PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE "
    "ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO SPMPM "
    "SRBRS SSDSS STPST SURSR SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH "
    "TJKTJ TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA URYUY USAUS "
    "UZBUZ VATVA VCTVC VENVE VGBVG VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW"
)
ALPHA_3 = {pair[:3]: pair[3:] for pair in _ALPHA_3.split()}
"""ISO 3166-1 alpha-3."""
NAMES = {
    "BA": "bosnien bosnia", "CH": "die_schweiz suisse schweizerische_eidgenossenschaft",
    "CZ": "tschechien tschechische_republik czechia czech_republic česko",
    "DE": "bundesrepublik_deutschland brd", "BY": "weissrussland", "CI": "elfenbeinküste",
    "GB": "uk great_britain grossbritannien england scotland wales", "GR": "el",
    "LI": "fürstentum_liechtenstein", "MK": "nordmazedonien north_macedonia",
    "MD": "moldawien", "NL": "the_netherlands holland", "RU": "russia russische_föderation",
    "SK": "slowakische_republik", "US": "usa united_states_of_america "
    "vereinigte_staaten_von_amerika", "VA": "vatikan vatican", "XK": "kosovo",
}  # fmt: skip
"""Further names than those of Unicode's data."""
_LANGUAGES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da "
    "de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy "
    "hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg "
    "li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or "
    "os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta "
    "te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES = frozenset(_LANGUAGES.split())
"""ISO 639-1."""
LANGUAGE_3 = {
    "deu": "de", "ger": "de", "eng": "en", "fra": "fr", "fre": "fr", "ita": "it", "spa": "es",
    "nld": "nl", "dut": "nl", "pol": "pl", "ces": "cs", "cze": "cs", "slk": "sk", "slo": "sk",
    "slv": "sl", "dan": "da", "swe": "sv", "nor": "no", "fin": "fi", "por": "pt", "ron": "ro",
    "rum": "ro", "hun": "hu", "bul": "bg", "hrv": "hr", "srp": "sr", "ell": "el", "gre": "el",
    "tur": "tr", "rus": "ru", "ukr": "uk", "ara": "ar", "zho": "zh", "chi": "zh", "jpn": "ja",
    "kor": "ko", "lit": "lt", "lav": "lv", "est": "et",
}  # fmt: skip
"""ISO 639-2 of languages that have a code of two letters."""


def country_code(text: str) -> str | None:
    """ISO 3166-1 alpha-2 of a code or name, in any letter case and language; None if it is neither,
    or a name of two countries."""
    upper = text.replace(".", "").upper()
    code = ALPHA_3.get(upper, upper)
    if len(upper) > 3 or not _is_country(code):
        code = _countries().get(_bare(text), "")
    return code if _is_country(code) else None


def _is_country(code: str) -> bool:
    return code in phonenumbers.SUPPORTED_REGIONS or code in ALPHA_3.values()


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Countries by bare name."""
    from phonenumbers.geodata.locale import LOCALE_DATA  # large, and most senders write codes

    found: defaultdict[str, set[str]] = defaultdict(set)
    for code, names in LOCALE_DATA.items():
        for name in names.values():
            if not name.startswith("*"):  # the same as in another language
                found[_bare(name)].add(code)
    known = {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
    own = ((name, code) for code, names in NAMES.items() for name in names.split())
    return known | {_bare(name.replace("_", " ")): code for name, code in own}


def _bare(name: str) -> str:
    """A name without letter case, accents and signs: `Côte d'Ivoire` as `cote d ivoire`."""
    letters = unicodedata.normalize("NFKD", name.replace(".", "")).casefold()
    plain = "".join(one for one in letters if not unicodedata.combining(one))
    return " ".join(NO_LETTERS.sub(" ", plain).split())


def language_code(text: str) -> str | None:
    """ISO 639-1 of a language code; one of three letters stays where there is none of two."""
    code = text.lower()
    if len(code) == 2:
        return code if code in LANGUAGES else None
    return LANGUAGE_3.get(code, code)
