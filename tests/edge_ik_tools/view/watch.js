// Once `watched` is true, notes in the page when it tells the server where the gizmo is, and when
// it is told where the robot's bodies are: `moved` when the hand moved, `sent` when the page's
// thread passed that on, `handed` when the worker that talks to the server handed bodies over,
// `heard` when the page's thread took them, `drawn` when the graphics had drawn the frame after
// that. All in [ms].
(() => {
  const inWorker = `{
    const post = self.postMessage.bind(self);
    self.postMessage = (data, ...rest) =>
      post(Object.assign(data, { handed: performance.timeOrigin + performance.now() }), ...rest);
  }\n`;
  const now = () => performance.timeOrigin + performance.now();
  const notes = (window.notes = []);
  const sources = new Map();
  const create = URL.createObjectURL;
  let moved = 0;
  window.watched = false;

  URL.createObjectURL = (source) => {
    const url = create.call(URL, source);
    sources.set(url, source);
    return url;
  };

  const places = (message) =>
    ["SetPositionMessage", "SetOrientationMessage"].includes(message.type) &&
    message.name.startsWith("/robot/");

  // Asks without waiting, which would hold up what is measured.
  const onceDrawn = (note) => {
    const graphics = document.querySelector("canvas").getContext("webgl2");
    const fence = graphics.fenceSync(graphics.SYNC_GPU_COMMANDS_COMPLETE, 0);
    graphics.flush();
    const look = () => {
      if (graphics.getSyncParameter(fence, graphics.SYNC_STATUS) !== graphics.SIGNALED) {
        setTimeout(look);
        return;
      }
      graphics.deleteSync(fence);
      note.drawn = now();
    };
    look();
  };

  window.Worker = class extends window.Worker {
    constructor(url, options) {
      const watched = new Blob([inWorker, sources.get(url)], { type: "text/javascript" });
      sources.delete(url);
      super(create.call(URL, watched), options);
      this.addEventListener("message", ({ data }) => {
        const bodies = (data.messages ?? []).filter(places);
        if (!window.watched || bodies.length === 0) return;
        const note = { kind: "bodies", bodies, handed: data.handed, heard: now() };
        notes.push(note);
        // The page draws in a callback of this frame, which ends before the timer.
        requestAnimationFrame(() => setTimeout(() => onceDrawn(note)));
      });
    }

    postMessage(data, ...rest) {
      if (window.watched && data.message?.type === "TransformControlsUpdateMessage") {
        notes.push({ kind: "gizmo", position: data.message.position, moved, sent: now() });
      }
      super.postMessage(data, ...rest);
    }
  };

  const move = (event) => (moved = performance.timeOrigin + event.timeStamp);
  window.addEventListener("pointermove", move, true);
})();
