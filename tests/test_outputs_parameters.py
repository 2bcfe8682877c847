"""Wrong values of `outputs` in params.yaml: one line that names file and key."""

import datetime

import pytest
from training_stage import write_params

from stages.plumbing.errors import InputError
from stages.train import output_settings

WRONG = [[], {}, "x", -1, 0, float("inf"), None, datetime.date(2026, 1, 1)]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("leaf", ["components", "variance_floor"])
def test_a_wrong_number_of_an_output_layer_is_named(tmp_path, monkeypatch, leaf, value):
    write_params(tmp_path, lambda params: params["outputs"]["gaussian_mixture"].update({leaf: value}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"params.yaml: outputs.gaussian_mixture.{leaf}: .*; found ") as error:
        output_settings("gaussian_mixture")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("value", [[], "x", -1, None, datetime.date(2026, 1, 1), {"components": 20, "more": 1}])
def test_a_wrong_section_is_named(tmp_path, monkeypatch, value):
    write_params(tmp_path, lambda params: params["outputs"].update(gaussian_mixture=value))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"params.yaml: outputs.gaussian_mixture.*; found "):
        output_settings("gaussian_mixture")
    write_params(tmp_path, lambda params: params.update(outputs=value))
    with pytest.raises(InputError, match="params.yaml: outputs"):
        output_settings("gaussian_mixture")


def test_right_numbers_are_read_as_they_stand(tmp_path, monkeypatch):
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert output_settings("gaussian_mixture") == {"components": 20, "variance_floor": 0.000001}
    assert output_settings("bernoulli") == {}
