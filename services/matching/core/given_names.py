"""Given names: short forms and what they stand for, and names that are common.

A short form counts as its long form only where nearly every bearer is called so: `Rob` is a
Robert; `Alex` may be four names. A common name is hardly a misspelling of another one: Anna and
Anne, born the same day at one address, are two persons.
"""

from __future__ import annotations

_SHORT_FORMS = """
robert rob bob bobby robbie
william bill will billy willy
richard rick dick
james jim jimmy jamie
michael mike mick michi
thomas tom tommy
joseph joe josef sepp
edward ed eddie ted
charles charlie chuck
david dave
daniel dan danny
matthew matt matthias
anthony tony
andrew andy
stephen steve steven
christopher chris
kenneth ken
ronald ron
donald don
gregory greg
jeffrey jeff
benjamin ben benny
samuel sam
nicholas nick
jonathan jon
timothy tim
elizabeth liz beth lizzie betty elisabeth elli lisbeth
katherine kate kathy catherine katharina katrin
margaret maggie peggy margarete
jennifer jenny jen
rebecca becky
susan sue susanne susi
deborah debbie
barbara barb baerbel
johannes hans hannes
wolfgang wolf
friedrich fritz
heinrich heinz
wilhelm willi
maximilian max
sebastian basti
tobias tobi
florian flo
manfred manni
guenther guenter
klaus claus
carsten karsten
stefan stephan
philipp philip filip
christof christoph
josefine josephine
franziska franzi
magdalena magda
johanna hanna hannah
sofia sophia
luisa louisa
gabriele gabi
ursula uschi
hildegard hilde
angelika geli
theresa teresa resi
sofie sophie
"""
ROOTS = {
    short: line.split()[0] for line in _SHORT_FORMS.split("\n") if line for short in line.split()
}
_COMMON = """
anna anne anja anke andrea antje angela annika angelina alina alexandra amelie astrid birgit
brigitte bianca claudia carina carla clara christa christina christine christiane corinna daniela
doris dagmar diana elke ella emilia emily emma erika eva frieda gisela greta hannah hanna heike
helga helena ida ines inge ingrid irina irene jana janina janine jessica julia juliane jutta karin
karina katja kerstin lara laura lea lena leonie lia lina linda lisa luisa louisa maja manuela
maria marie marion marina marlene martina melanie mia mila mira monika nadine nadja nele nicole
nina nora paula petra pia renate rita romy rosa ruth sabine sandra sara sarah silke silvia simone
sonja sofia sophia stefanie steffi svenja tanja tina ulrike ute vanessa vera verena yvonne adam
alexander andreas anton arne bernd bernhard bjoern boris christian daniel dennis detlef dieter
dirk dominik elias emil erik erich ernst fabian felix finn frank franz georg gerd gerhard hans
harald helmut henri henry herbert holger horst ingo jakob jan jannik jens joachim joerg johann
jonas julian julius juergen kai karl kevin kurt lars leo leon levin linus louis luca lucas lukas
manuel marc marcel marco mario mark markus martin marvin mats max moritz nico niklas nils noah
norbert olaf ole oliver oskar otto patrick paul peter rainer ralf rene rolf roland ruediger sascha
simon sven theo thorsten till tim timo tom torben torsten udo ulf ulrich uwe volker walter werner
adele alice amanda amy charlotte chloe ellie grace isabella jack jake jane john joan joanne leah
liam lily lucy luke mary molly oscar ryan
ahmet ali arda aydin aylin ayse baris berkan berkay burak cem cemal deniz elif emine emre enes erkan
esra eren fatih fatma furkan gamze gizem hakan halil hasan hatice hueseyin huseyin ibrahim ismail
kaan kemal kerem leyla mehmet melek meltem merve mesut metin murat mustafa oezlem omer ozlem orhan
osman ramazan recep selim selin sibel sinan suleyman tarik tuncay umut volkan yasin yasemin yusuf
zeynep
"""
COMMON_GIVEN_NAMES = frozenset(_COMMON.split())


def root_of(name: str) -> str:
    """The name that this one is a short form or another spelling of; itself if it is none."""
    return ROOTS.get(name, name)
