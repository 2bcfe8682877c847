"""Table 1 of the paper, to the printed digit, and the solver behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import cells
from stages.plumbing.parameters import read, section
from stages.recurrent.layout import Layout
from stages.recurrent.matching import Matching, units_for
from stages.recurrent.net import Net

MIXTURE = {"components": 20, "variance_floor": 0.000001}


@pytest.mark.parametrize(("cell", "units"), [("lstm", 36), ("gru", 46), ("tanh", 100)])
def test_table_1_music(cell, units):
    assert section("matching", Matching).units(cell, "bernoulli", {}) == units


@pytest.mark.parametrize(
    ("cell", "units", "parameters"), [("lstm", 195, 169_065), ("gru", 227, 168_888), ("tanh", 400, 168_400)]
)
def test_table_1_speech(cell, units, parameters):
    settings = read("outputs.gaussian_mixture")
    assert section("matching", Matching).units(cell, "gaussian_mixture", settings) == units
    net = Net.build(cell, "gaussian_mixture", 20, units, 10, settings)
    assert net.recurrent_parameters == parameters
    assert net.output_size == 420


@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_total_budget_is_the_papers_gru_with_its_output_layer(output):
    matching = section("matching", Matching)
    size, settings = getattr(matching, output), read(f"outputs.{output}") if output != "bernoulli" else {}
    net = Net.build("gru", output, size.inputs, matching.units("gru", output, settings), size.outputs, settings)
    assert net.recurrent_parameters + net.output_parameters == size.total


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize(("output", "settings"), [("bernoulli", {}), ("gaussian_mixture", MIXTURE)])
def test_counts_are_those_of_the_tensors(cell, output, settings):
    net = Net.build(cell, output, 9, 7, 5, settings)
    matrix = Layout.of(net).initial([], 0.1)
    assert matrix.shape[1] == net.recurrent_parameters + net.output_parameters
    views = Layout.of(net).views(matrix)
    counted = sum(view[0:0].numel() + view.shape[1:].numel() for view in views.values())
    assert counted == matrix.shape[1]


@given(
    st.sampled_from(["tanh", "lstm", "gru"]),
    st.sampled_from(["recurrent", "total"]),
    st.integers(1, 120),
    st.integers(1, 60),
    st.integers(2_000, 300_000),
)
def test_no_other_unit_count_is_nearer(cell, mode, inputs, targets, budget):
    units = units_for(cell, "bernoulli", inputs, targets, {}, budget, mode, tolerance=0.99)

    def miss(units):
        net = Net.build(cell, "bernoulli", inputs, units, targets, {})
        return abs(net.recurrent_parameters + (net.output_parameters if mode == "total" else 0) - budget)

    assert miss(units) <= miss(units + 1)
    assert units == 1 or miss(units) <= miss(units - 1)


def test_a_budget_that_no_unit_count_meets_is_an_error_that_says_what_was_nearest():
    with pytest.raises(ValueError, match="budget of 50 parameters .* 1 units have 312"):
        units_for("gru", "bernoulli", 102, 100, {}, 50, "recurrent", 0.05)
