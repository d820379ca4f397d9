"""Digests of origins: what changes them, and what does not."""

from hypothesis import given
from hypothesis import strategies as st

from sppnet.plan.origins import Job, Origins, jobs_behind

# A chain with a branch: photographs -> features -> svm -> table, and a figure of the features.
INPUTS = {
    "manifest": ("photographs",),
    "features": ("manifest", "weights"),
    "svm": ("features",),
    "table": ("svm", "features"),
    "figure": ("features",),
}


class Tree:
    """Jobs named after their only output, with settings that can be changed."""

    def __init__(self):
        self.recipes = dict.fromkeys(INPUTS, "as ever")
        self.contents = {"photographs": "p", "weights": "w"}

    def job_of(self, file):
        if file not in INPUTS:
            return None
        return Job(file, self.recipes[file], INPUTS[file], (file,))

    def origin(self, file):
        return Origins(self.job_of, self.contents.__getitem__).of_inputs(INPUTS[file])


def behind(file):
    """Everything above a file, by a way of its own."""
    above = set(INPUTS.get(file, ()))
    return above.union(*(behind(each) for each in above)) if above else above


@given(changed=st.sampled_from([*INPUTS, "photographs", "weights"]))
def test_a_change_shows_in_all_that_hangs_on_it_and_nowhere_else(changed):
    before, tree = Tree(), Tree()
    (tree.recipes if changed in INPUTS else tree.contents)[changed] = "changed"
    for file in INPUTS:
        assert (tree.origin(file) != before.origin(file)) is (changed in behind(file))


def test_swapped_contents_are_a_change():
    before, tree = Tree(), Tree()
    tree.contents = {"photographs": "w", "weights": "p"}
    assert tree.origin("svm") != before.origin("svm")


def test_the_order_of_inputs_does_not_count():
    origins = Origins(Tree().job_of, Tree().contents.__getitem__)
    assert origins.of_inputs(["svm", "features"]) == origins.of_inputs(["features", "svm"])


def test_jobs_come_after_those_behind_them_and_each_once():
    jobs = list(jobs_behind(["table", "features", "photographs"], Tree().job_of))
    assert jobs == ["manifest", "features", "svm", "table"]
