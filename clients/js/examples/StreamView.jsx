// React: a stream's live image and its alerts.
//
//   <StreamView streamId="front-door" />
import { useEffect, useRef, useState } from "react";
import { Streams, TokenSource } from "backline-client";

// One connection for the whole page. On Backline's own origin, the login cookie is enough. On another origin, pass
// `obtain`, a function that fetches a token.
const streams = new Streams({ baseUrl: location.origin, tokens: new TokenSource() });

export function StreamView({ streamId }) {
  const canvas = useRef(null);
  const [state, setState] = useState("connecting");
  const [alerts, setAlerts] = useState([]);

  useEffect(() => {
    const stream = streams.register({
      streamId,
      clientType: "web",
      consumes: ["video-frame", "alert"],
      onState: (next, problem) => setState(problem?.detail ?? next),
      onMessage: (alert) => setAlerts((before) => [alert, ...before].slice(0, 20)),
      // The next frame is requested when this promise settles, so each frame shown is new.
      onFrame: async ({ payload }) => {
        const bitmap = await createImageBitmap(new Blob([payload]));
        if (!canvas.current) return;
        Object.assign(canvas.current, { width: bitmap.width, height: bitmap.height });
        canvas.current.getContext("2d").drawImage(bitmap, 0, 0);
      },
    });
    return () => stream.close();
  }, [streamId]);

  return (
    <figure>
      <canvas ref={canvas} role="img" aria-label="Live picture" />
      <figcaption>{state}</figcaption>
      <ol>{alerts.map(({ seq, level, text }) => <li key={seq}>{level}: {text}</li>)}</ol>
    </figure>
  );
}
