// Plays the notes that a link to a MIDI file, or a place without one, carries. Without this script the link remains.
(() => {
  const LOUDNESS = 0.12, ATTACK = 0.01, RELEASE = 0.08; // of one note; seconds
  let context = null; // made on the first click, as browsers ask
  let stop = () => {};

  function sound(output, pitch, start, end) {
    const oscillator = context.createOscillator(), envelope = context.createGain();
    oscillator.type = "triangle";
    oscillator.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    envelope.gain.setValueAtTime(0, start);
    envelope.gain.linearRampToValueAtTime(LOUDNESS, start + ATTACK);
    envelope.gain.setTargetAtTime(0, Math.max(end - RELEASE, start + ATTACK), RELEASE / 3);
    oscillator.connect(envelope).connect(output);
    oscillator.start(start);
    oscillator.stop(end + RELEASE);
  }

  function play(link, button) {
    context ??= new AudioContext();
    context.resume();
    const output = context.createDynamicsCompressor();
    output.connect(context.destination);
    const seconds = Number(link.dataset.frame), begin = context.currentTime + 0.1;
    const numbers = link.dataset.notes.split(" ").map(Number);
    let last = begin;
    for (let n = 0; n + 2 < numbers.length; n += 3) {
      const [start, end, pitch] = numbers.slice(n, n + 3);
      sound(output, pitch, begin + start * seconds, begin + end * seconds);
      last = Math.max(last, begin + end * seconds);
    }
    const timer = setTimeout(() => stop(), (last - context.currentTime + 0.5) * 1000);
    label(button, link, true);
    stop = () => {
      clearTimeout(timer);
      output.disconnect();
      label(button, link, false);
      stop = () => {};
    };
  }

  function label(button, link, playing) {
    button.textContent = playing ? "■" : "▶";
    button.setAttribute("aria-label", `${playing ? "Stop" : "Play"} ${link.dataset.name}`);
  }

  for (const link of document.querySelectorAll("[data-notes]")) {
    const button = document.createElement("button");
    button.type = "button";
    label(button, link, false);
    button.addEventListener("click", () => {
      const playing = button.textContent === "■";
      stop();
      if (!playing) play(link, button);
    });
    link.before(button, "\u00a0");
  }
})();
