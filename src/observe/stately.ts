/** A page with Stately's inspector in a frame, and a script that hands messages to it. */
import { randomBytes } from 'node:crypto';
import type { Viewable } from './viewing.js';

const INSPECTOR_URL = new URL('https://stately.ai/inspect');

/** The page, under a policy of its own. It opens the socket `messages` below its own path. */
export function statelyFile(): Viewable {
  const nonce = randomBytes(16).toString('base64url');
  const policy = (host: string) => statelyPolicy(INSPECTOR_URL, nonce, host);
  return { type: 'text/html', body: statelyPage(INSPECTOR_URL, nonce), policy };
}

/** What the page may do: show the inspector, and hear from the server that it comes from. */
export function statelyPolicy(inspectorUrl: URL, nonce: string, host: string): string {
  return (
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
    `connect-src ws://${host}; frame-src ${inspectorUrl.origin}; frame-ancestors 'none'; ` +
    `base-uri 'none'; form-action 'none'`
  );
}

/**
 * Messages are handed to the inspector's own origin only, and taken from its own frame only. They are
 * asked for once it is there, so that none has to wait in the page.
 */
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
<p id="status" role="status"></p>
<iframe id="inspector" title="Stately inspector" referrerpolicy="no-referrer" src="${inspectorUrl.href}"></iframe>
<script nonce="${nonce}">
  const frame = document.getElementById('inspector').contentWindow;
  let socket;
  let gone = false;
  let count = 0;
  const say = () => {
    const where = gone ? 'the server is gone, or let this viewer go; reload to try again' : 'connected';
    const what = socket ? where + '; messages: ' + count : 'waiting for the inspector to load from ' + ${origin};
    document.getElementById('status').textContent = 'interlock: ' + what;
  };
  addEventListener('message', ({ source, origin, data }) => {
    if (source !== frame || origin !== ${origin} || data?.type !== '@statelyai.connected') return;
    // It says so again if it is loaded again, and is told all again then.
    socket?.close();
    socket = new WebSocket('ws://' + location.host + location.pathname + '/messages');
    socket.onmessage = ({ data }) => {
      count += 1;
      frame.postMessage(JSON.parse(data), ${origin});
      say();
    };
    socket.onclose = ({ target }) => {
      gone = target === socket;
      say();
    };
    say();
  });
  say();
</script>
</body>
</html>
`;
}
