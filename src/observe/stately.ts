/** A page with Stately's inspector in a frame, and a script that hands messages to it. */

/** Messages that wait in the page while the frame is still loading. */
const WAITING_MAX = 5_000;

/** What the page may do: show the inspector, and hear from the server that it comes from. */
export function statelyPolicy(inspectorUrl: URL, nonce: string, host: string): string {
  return (
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
    `connect-src ws://${host}; frame-src ${inspectorUrl.origin}; frame-ancestors 'none'; ` +
    `base-uri 'none'; form-action 'none'`
  );
}

/** Messages are handed to the inspector's own origin only, and taken from its own frame only. */
export function statelyPage(inspectorUrl: URL, nonce: string): string {
  const origin = JSON.stringify(inspectorUrl.origin);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>interlock: live exchanges</title>
<style nonce="${nonce}">
  html, body { height: 100%; margin: 0; }
  body { display: flex; flex-direction: column; font: 13px/1.6 system-ui, sans-serif; }
  p { margin: 0; padding: 2px 8px; background: #15151d; color: #e6e6ef; }
  iframe { flex: 1; border: 0; }
</style>
</head>
<body>
<p id="status" role="status">Waiting for the inspector.</p>
<iframe id="inspector" title="Stately inspector" referrerpolicy="no-referrer" src="${inspectorUrl.href}"></iframe>
<script nonce="${nonce}">
  const frame = document.getElementById('inspector').contentWindow;
  const waiting = [];
  let ready = false;
  let live = true;
  let count = 0;
  const say = () => {
    const where = live ? 'live' : 'the gateway is gone, or let this viewer go; reload to try again';
    const whom = ready ? '' : '; waiting for the inspector to load from ' + ${origin};
    document.getElementById('status').textContent = 'interlock: ' + where + whom + '; messages: ' + count;
  };
  addEventListener('message', ({ source, origin, data }) => {
    if (source !== frame || origin !== ${origin} || data?.type !== '@statelyai.connected') return;
    ready = true;
    for (const message of waiting.splice(0)) frame.postMessage(message, ${origin});
    say();
  });
  const socket = new WebSocket('ws://' + location.host + location.pathname + '/messages');
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    count += 1;
    if (ready) frame.postMessage(message, ${origin});
    else if (waiting.length < ${WAITING_MAX}) waiting.push(message);
    say();
  };
  socket.onclose = () => {
    live = false;
    say();
  };
</script>
</body>
</html>
`;
}
