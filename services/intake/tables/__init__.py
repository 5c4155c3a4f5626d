"""Tables of retailers as touchpoints: CSV, workbooks, Parquet, JSON lines and product feeds."""
