"""Everything ClickHouse: clients, errors, migrations, locks. Knows no table's meaning."""
