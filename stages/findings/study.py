"""All that is compared, read once: the design, its runs, their evidence, and the tables made of them so far."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from stages.findings.declare import Frames, Table
from stages.findings.inference.claims import Claim, build
from stages.findings.inference.evidence import Evidence, Rules
from stages.findings.inference.resampling import Resampling
from stages.findings.records.design import SETTINGS, Comparison, is_preliminary, read_designs, read_protocol, require
from stages.findings.records.published import read_published
from stages.findings.records.reach import read_memories
from stages.findings.records.reading import read_leakage, read_runs
from stages.findings.records.runs import Runs
from stages.plumbing.parameters import section
from stages.plumbing.places import PAPER, PARTS


class Study:
    """What tables are made from.

    Attributes:
        design, settings, protocol: of params.yaml and settings.yaml.
        arms: name → its runs, (dataset, cell) → run; `runs`: those of the arm `paper`.
        evidence: the quantities that claims speak about; `memories`: how far back nets reach, by run.
        with_parts: the same quantities, also of units that lack a part.
        leakage: what training has heard of each test piece, by dataset.
        preliminary: the datasets whose budget is less than the paper's.
    """

    def __init__(self, tables: dict[str, Table]):
        """Reads the study.

        Raises:
            InputError: a file of the design is missing or does not fit params.yaml.
        """
        designs, rules = read_designs(), section("claims", Rules)
        self.settings = section("compare", Comparison, SETTINGS)
        require(designs)
        self.design, self.arms = designs[PAPER], read_runs(designs)
        self.runs = self.arms[PAPER]
        self.leakage, self.memories = read_leakage(self.design, self.runs), read_memories(PAPER, self.runs)
        self.resampling = Resampling(self.settings.resamples, self.settings.confidence, self.settings.seed)
        self.preliminary = frozenset(
            dataset
            for dataset, training in self.design.datasets.items()
            if is_preliminary(training, self.settings.budgets[self.output(dataset)])
        )
        self.evidence = Evidence(self.runs, rules, self.resampling, self.memories)
        lacking = self.of_arm(PARTS)
        memories = self.memories | read_memories(PARTS, lacking)
        self.with_parts = replace(self.evidence, runs=self.runs | lacking, memories=memories)
        self._tables, self._frames = tables, Frames()

    def frame(self, name: str) -> pd.DataFrame:
        """The table of this name, made when it is first asked for."""
        if name not in self._frames:
            self._frames[name] = self._tables[name].frame(self)
        return self._frames[name]

    def output(self, dataset: str) -> str:
        """The kind of output that a dataset's nets have."""
        return self.runs[dataset, self.design.cells[0]].info["output"]

    def of_arm(self, name: str) -> Runs:
        """An arm's runs; none where it has not been trained."""
        return self.arms.get(name, {})

    def evidence_of(self, runs: Runs) -> Evidence:
        """The study's rules on other runs."""
        return replace(self.evidence, runs=runs, memories={})

    @cached_property
    def claims(self) -> list[Claim]:
        return build(self.evidence)

    @cached_property
    def protocol(self) -> dict[str, Any]:
        return read_protocol(self.design.datasets)

    @cached_property
    def published(self) -> pd.DataFrame:
        return read_published()
