import pytest

from sppnet.commands.show import run
from sppnet.errors import SppnetError


def test_the_table_as_it_stands_in_the_file(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text(',"SPP, one scale",R-CNN\npool5,31.3,-\n')
    run(path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["SPP,", "one", "scale", "R-CNN"] in lines and ["pool5", "31.3", "-"] in lines


@pytest.mark.parametrize("text", [None, ""])
def test_no_table_is_one_line(tmp_path, text):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SppnetError, match=r"table\.csv: cannot be read"):
        run(path)
