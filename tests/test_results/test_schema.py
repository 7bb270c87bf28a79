"""Tables of before and after a new column stand together."""

from linrec_cli.results import schema, store


def test_a_table_without_a_newer_column_is_read_as_one_that_says_nothing_there(tmp_path):
    rows = [{"attention": "linear", "form": "causal", "value": 1.0}]
    new = schema.table({}, rows)
    store.write_frame(new, store.folder(tmp_path, "new") / store.TABLE)
    store.write_frame(new.drop("form"), store.folder(tmp_path, "old") / store.TABLE)
    both = store.read(tmp_path)
    assert both.schema == schema.COLUMNS
    assert both["form"].to_list() == ["causal", None]
    assert both["value"].to_list() == [1.0, 1.0]
