"""The section of samples: links where Markdown is read, players that hold their sound where HTML is."""

import base64
import io
import re
import shutil
import struct
import wave
from html.parser import HTMLParser

import mido
import pandas as pd
import pytest
from findings_study import SPEECH_BUDGET, Planted, write_samples, write_study

from stages import compare, figures, report
from stages.findings import catalogue, pages, sample_pages, samples
from stages.plumbing.errors import InputError

DATASETS = {
    "jsb_chorales": Planted({"tanh": [9.0], "gru": [8.5]}),
    "speech_short": Planted({"tanh": [None], "gru": [-1.0]}, budget=SPEECH_BUDGET, output="gaussian_mixture"),
}


class Players(HTMLParser):
    """The links, audio elements and scripts of a page, and the text of the scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.found: dict[str, list[dict[str, str]]] = {"a": [], "audio": [], "script": []}
        self.script = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in self.found:
            self.found[tag].append(dict(attrs))

    def handle_data(self, data):
        if self.lasttag == "script":
            self.script += data


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The report of a study of music and speech, one of whose nets diverged."""
    with pytest.MonkeyPatch.context() as patch:
        root = write_study(tmp_path_factory.mktemp("study"), DATASETS)
        patch.chdir(root)
        patch.setattr("sys.argv", ["stage"])
        write_samples(DATASETS)
        for stage in (compare, figures, report):
            stage.main()
        yield root / "reports"


@pytest.fixture
def players(reports):
    return Players((reports / "index.html").read_text())


def test_markdown_links_to_the_files_and_says_why_one_is_missing(reports):
    text = (reports / "README.md").read_text()
    section = text.split("\n## Listen\n")[1].split("\n## ")[0]
    midi = [f"[MIDI](samples/jsb_chorales/{cell}/sample.mid)" for cell in ("tanh", "gru")]
    assert f"| jsb_chorales | {midi[0]} | {midi[1]} | a piece |\n" in section
    wav = "[WAV](samples/speech_short/gru/sample.wav)"
    assert f"| speech_short | every repeat diverged | {wav} | a piece |\n" in section
    assert "Temperature 0.9, random seed 2014." in section
    assert "jsb_chorales: 16 frames are given and 48 frames follow." in section
    assert (
        "speech_short: 0.002 s are given and 0.098 s follow, although the longest test sequence has only 0.05 s."
        in (section)
    )
    assert "| speech_short | GRU | 0 | 2 | 1 | −1.00 | 1.25% |\n" in section
    assert "| speech_short | tanh |  |  |  |  |  |\n" in section


def test_a_midi_link_holds_its_file_and_its_notes(reports, players):
    links = [link for link in players.found["a"] if "download" in link]
    assert [link["data-name"] for link in links] == ["jsb_chorales, tanh", "jsb_chorales, GRU"]
    assert [link["download"] for link in links] == ["jsb_chorales-tanh.mid", "jsb_chorales-gru.mid"]
    for link, cell in zip(links, ("tanh", "gru"), strict=True):
        content = base64.b64decode(link["href"].removeprefix("data:audio/midi;base64,"))
        assert content == (reports / f"samples/jsb_chorales/{cell}/sample.mid").read_bytes()
        struck = [m.note for m in mido.MidiFile(file=io.BytesIO(content)).tracks[0] if m.type == "note_on"]
        numbers = list(map(int, link["data-notes"].split()))
        assert sorted(numbers[2::3]) == sorted(struck) and max(numbers[1::3]) == 64
        assert float(link["data-frame"]) == 0.25


def test_a_recording_plays_from_the_page(players):
    (audio,) = players.found["audio"]
    assert "controls" in audio and audio["aria-label"] == "speech_short, GRU"
    content = base64.b64decode(audio["src"].removeprefix("data:audio/wav;base64,"))
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getframerate(), sound.getnframes(), sound.getsampwidth()) == (8000, 800, 2)
        assert len(set(struct.unpack("<800h", sound.readframes(800)))) > 100


def test_the_script_is_in_the_page_and_asks_for_nothing(players):
    assert players.found["script"] == [{}]
    assert "a[data-notes]" in players.script and "aria-label" in players.script
    assert not re.search(r"https?:|//[a-z]+\.|fetch|XMLHttp|import|WebSocket|sendBeacon|innerHTML|eval", players.script)


def test_a_study_without_music_has_no_script_and_no_piano_rolls(reports, tmp_path):
    shutil.copytree(reports, tmp_path / "reports")
    summary = pd.read_csv(reports / "tables/summary.csv")
    summary[summary["dataset"] == "speech_short"].to_csv(tmp_path / "reports/tables/summary.csv", index=False)
    drawn = {figure.name for figure in catalogue.drawn(tmp_path / "reports")}
    assert "spectrograms" in drawn and "piano_rolls" not in drawn
    section = sample_pages.content(samples.read(tmp_path / "reports"))
    page = Players(pages.html(f"# Samples\n\n{section['table']}\n", tmp_path / "reports/figures"))
    assert not page.found["script"] and len(page.found["audio"]) == 1


def test_a_study_whose_nets_all_diverged_says_so(tmp_path, monkeypatch):
    datasets = {"jsb_chorales": Planted({"gru": [None]})}
    monkeypatch.chdir(tmp_path)
    write_samples(datasets)
    (tmp_path / "reports/tables").mkdir()
    (tmp_path / "reports/tables/summary.csv").write_text("dataset,cell\njsb_chorales,gru\n")
    section = sample_pages.content(samples.read(tmp_path / "reports"))
    assert section["settings"] == "None could here: the table says why." and not section["given_music"]
    assert "| jsb_chorales | every repeat diverged | a piece |" in section["table"]


def test_gathered_samples_are_those_of_the_study(reports, tmp_path):
    shutil.copytree(reports, tmp_path / "reports")
    shutil.copytree(tmp_path / "reports/samples/jsb_chorales", tmp_path / "reports/samples/left_behind")
    tables = samples.read(tmp_path / "reports")
    assert list(tables["samples/facts"]["dataset"].unique()) == ["jsb_chorales", "speech_short"]
    assert list(tables["samples/facts"]["cell"]) == ["real", "tanh", "gru"] * 2
    levels = tables["samples/spectrograms"].query("cell == 'gru'")
    wide = pd.read_csv(reports / "samples/speech_short/gru/spectrogram.csv", index_col="frequency")
    back = levels.pivot(index="frequency", columns="time", values="decibels")
    assert (back.to_numpy() == wide.to_numpy()).all()


def test_missing_samples_are_listed(reports, tmp_path):
    shutil.copytree(reports, tmp_path / "reports")
    shutil.rmtree(tmp_path / "reports/samples/jsb_chorales/gru")
    with pytest.raises(InputError, match="missing samples: .*reports/samples/jsb_chorales/gru; run `dvc repro"):
        samples.read(tmp_path / "reports")
