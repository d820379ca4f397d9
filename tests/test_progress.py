from sppnet import progress


def test_log_gets_plain_lines_with_count_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    assert list(progress.track([1, 2, 3], "maps")) == [1, 2, 3]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("maps: 1/3") and "left" in lines[0]
    assert lines[-1].startswith("maps: 3/3")
