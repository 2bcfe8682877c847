"""The committed pages in a browser: nothing overflows a phone, links lead somewhere, sound decodes, axe is content."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPORTS = Path(__file__).parents[2] / "reports"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 900  # seconds: a slow machine with other work is no failure
AXE = importlib.util.find_spec("axe_core_python")
PROBE = """<iframe src="{page}" style="width:390px;height:800px"></iframe><script>
addEventListener("load", async () => {{
  const frame = document.querySelector("iframe"), page = frame.contentDocument, found = {{}};
  found.width = page.documentElement.scrollWidth;
  const links = [...page.querySelectorAll("nav a[href^='#']")].map((link) => link.hash.slice(1));
  found.links = links.length;
  found.broken = links.filter((id) => !page.getElementById(id));
  const sounds = [...page.querySelectorAll("audio")].map((audio) => audio.src);
  found.seconds = await Promise.all(sounds.map(async (source) => {{
    const bytes = Uint8Array.from(atob(source.split(",")[1]), (letter) => letter.charCodeAt(0));
    return (await new OfflineAudioContext(1, 1, 8000).decodeAudioData(bytes.buffer)).duration;
  }}));
  found.players = page.querySelectorAll("button").length;
  if (frame.contentWindow.axe) {{
    const result = await frame.contentWindow.axe.run();
    found.axe = result.violations.map((one) => one.id + ": " + one.nodes[0].html.slice(0, 120));
  }}
  document.body.innerHTML = "<pre>" + JSON.stringify(found).replaceAll("<", "&lt;") + "</pre>";
}});
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module", params=["index.html", "appendix.html"])
def found(request, tmp_path_factory) -> dict:
    """What a page 390 pixels wide is found to be; with axe's findings where its package is installed."""
    folder = tmp_path_factory.mktemp("browser")
    page = (REPORTS / request.param).read_text()
    if AXE:
        script = (Path(AXE.origin).parent / "axe.min.js").read_text()
        page = f"{page[: page.rindex('</body>')]}<script>{script}</script></body></html>"
    (folder / "page.html").write_text(page)
    (folder / "probe.html").write_text(PROBE.format(page="page.html"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    command = [BROWSER, *flags, "--virtual-time-budget=60000", f"file://{folder}/probe.html"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE).stdout
    told = re.search(r"<pre>(.*?)</pre>", said, re.DOTALL)
    assert told, said[-2000:]
    return json.loads(told[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) | {"name": request.param}


def test_nothing_overflows_a_phone(found):
    assert found["width"] <= 390


def test_the_contents_lead_to_their_sections(found):
    assert found["links"] > 5 and found["broken"] == []


def test_sound_decodes_and_music_has_its_buttons(found):
    if found["name"] == "index.html":
        assert found["seconds"] and all(seconds > 0.04 for seconds in found["seconds"]) and found["players"] > 0


@pytest.mark.skipif(AXE is None, reason="no axe: pip install axe-core-python")
def test_axe_finds_no_violation(found):
    assert found["axe"] == []


@pytest.mark.parametrize("name", ["index", "appendix"])
def test_the_main_page_prints_on_a_few_sheets(name, tmp_path):
    """At most 12 pages of A4; the appendix may be long, and must print at all."""
    out = tmp_path / "page.pdf"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={out}"]
    subprocess.run([BROWSER, *flags, f"file://{REPORTS / name}.html"], capture_output=True, timeout=PATIENCE)
    pages = len(re.findall(rb"/Type\s*/Page\b", out.read_bytes()))
    assert 0 < pages <= (12 if name == "index" else 200)
