/* What benchmarks/page.py runs in the live page before the page's own script. Times are milliseconds; those of opening
count from the start of navigation.

Something is painted when the frame that shows it has been drawn: the first task after a frame's callbacks. */

window.watch = (() => {
  const SEND = ".composer button[type=submit]:not([disabled])";

  const painted = () =>
    new Promise((done) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now());
        port2.postMessage(null);
      }),
    );

  /* When the page changes so that `look` finds something. */
  const found = (look) =>
    new Promise((done) => {
      const watcher = new MutationObserver(() => look() && (watcher.disconnect(), done()));
      if (look()) done();
      else watcher.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
    });

  const one = (selector) => document.querySelector(selector);
  const messages = () => document.querySelectorAll(".message").length;
  /* When the last message is a reply, and begins to be there. */
  const firstToken = (after) =>
    found(() => {
      const last = [...document.querySelectorAll(".message")].at(-1), bubble = last?.querySelector(".bubble");
      return messages() > after && last.matches(".assistant") && bubble.textContent.trim() && !bubble.querySelector("em");
    });

  function send(text) {
    const field = one(".composer textarea");
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  }

  return {
    /* From opening to a reply: a message is sent as soon as it can be. */
    async opening(text) {
      const times = {};
      firstToken(0).then(painted).then((time) => (times.example ??= time));
      await found(() => one(SEND));
      times.ready = await painted();
      const before = messages();
      send(text);
      await firstToken(before + 1);
      times.first_token = await painted();
      times.paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
      await found(() => one(SEND));
      return times;
    },

    /* How long a reply takes, from the key that sends the message until the whole of it is painted. */
    async reply(text) {
      const before = messages(), began = performance.now();
      send(text);
      await found(() => messages() > before + 1 && one(SEND));
      return (await painted()) - began;
    },

    /* Waits for an event of this type; then until the n-th element of `selector` matches `state`, and is painted so. */
    expect(type, selector, n, state) {
      this.arrived = new Promise((done) =>
        addEventListener(
          type,
          async (event) => {
            let time;
            do time = await painted();
            while (!document.querySelectorAll(selector)[n]?.matches(state));
            done(time - event.timeStamp);
          },
          { capture: true, once: true },
        ),
      );
    },
  };
})();
