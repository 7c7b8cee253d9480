// Becomes the test page that the address names (`/?/webrtc/test.html`), once the peer connection is installed: a test's
// scripts expect it from their first line.
import { install } from "tauri-plugin-peer-connection-api";

async function become(path: string): Promise<void> {
  const [text] = await Promise.all([fetch(path).then((response) => response.text()), install()]);
  history.replaceState(null, "", path);
  document.open();
  document.write(text);
  document.close();
}

become(location.search.slice(1)).catch((error) => {
  Object.assign(window, { conformance: { status: "ERROR", message: String(error), tests: [] } });
});
