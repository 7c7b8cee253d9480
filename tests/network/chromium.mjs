/** A guest in a real Chromium on a host of the laboratory, with a page of its own that speaks to `crates/lab`'s guests. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { PATIENCE } from "./lines.mjs";

const CHROMIUM = process.env.SNUG_CHROMIUM ?? "/usr/bin/chromium";

/** A browser on this host. */
export async function openChromium(site, ...args) {
  const wrapper = join(mkdtempSync(join(tmpdir(), "snug-lab-")), "chromium");
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${site.host} ${CHROMIUM} "$@"\n`);
  chmodSync(wrapper, 0o755);
  return chromium.launch({
    executablePath: wrapper,
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-quic"],
      ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
      "--disable-backgrounding-occluded-windows",
      // Hosts of the laboratory have no multicast DNS.
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      ...args,
    ],
  });
}

export class ChromiumGuest {
  static async join(browser, server, room, identity) {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(guest, { room, identity });
    return new ChromiumGuest(context, page, identity);
  }

  constructor(context, page, identity) {
    this.context = context;
    this.page = page;
    this.identity = identity;
  }

  async joined() {
    await this.page.waitForFunction(() => window.lab.joined);
  }

  async connected(other) {
    await this.page.waitForFunction((who) => window.lab.state(who) === "connected", other);
  }

  /** As `Guest.link`. */
  async link(other, frames = 3) {
    const handle = await this.page.waitForFunction(
      async ([who, count]) => {
        const link = await window.lab.path(who);
        window.lab.first ??= link.frames;
        return link.local !== undefined && link.frames - window.lab.first >= count ? link : null;
      },
      [other, frames],
    );
    return handle.jsonValue();
  }

  async leave() {
    await this.context.close();
  }
}

/** Runs in the page. */
function guest({ room, identity }) {
  const links = new Map();
  const names = new Map();
  let iceServers = [];
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 240;
  const drawn = canvas.getContext("2d");
  let count = 0;
  setInterval(() => {
    count += 1;
    drawn.fillStyle = `hsl(${count % 360} 80% 50%)`;
    drawn.fillRect(0, 0, 320, 240);
  }, 100);
  const camera = canvas.captureStream(10);
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
  const send = (message) => socket.send(JSON.stringify(message));

  function connect(peerId, who) {
    const pc = new RTCPeerConnection({ iceServers });
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) send({ type: "candidate", candidate: candidate.toJSON(), to: peerId });
    };
    links.set(who, pc);
    return pc;
  }

  async function describe(peerId, pc) {
    await pc.setLocalDescription();
    const { type, sdp } = pc.localDescription;
    send({ type, sdp: { type, sdp }, to: peerId });
  }

  socket.onopen = () => send({ type: "join", roomId: room, identity });
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    const who = names.get(message.from);
    switch (message.type) {
      case "joined":
        window.lab.joined = true;
        iceServers = message.iceServers;
        for (const peer of message.peers) {
          names.set(peer.peerId, peer.identity);
          const pc = connect(peer.peerId, peer.identity);
          for (const track of camera.getTracks()) pc.addTrack(track, camera);
          await describe(peer.peerId, pc);
        }
        return;
      case "peer-joined":
        names.set(message.peerId, message.identity);
        return;
      case "offer": {
        const pc = links.get(who) ?? connect(message.from, who);
        await pc.setRemoteDescription(message.sdp);
        for (const track of camera.getTracks()) {
          if (!pc.getSenders().some((sender) => sender.track === track)) pc.addTrack(track, camera);
        }
        await describe(message.from, pc);
        return;
      }
      case "answer":
        await links.get(who)?.setRemoteDescription(message.sdp);
        return;
      case "candidate":
        await links.get(who)?.addIceCandidate(message.candidate);
    }
  };

  window.lab = {
    joined: false,
    state: (who) => links.get(who)?.connectionState,
    async path(who) {
      const stats = await links.get(who)?.getStats();
      const all = [...(stats?.values() ?? [])];
      const transport = all.find(({ type }) => type === "transport");
      const pair = stats?.get(transport?.selectedCandidatePairId);
      const frames = all.find(({ type }) => type === "inbound-rtp")?.framesReceived ?? 0;
      if (pair === undefined) return { frames };
      const of = (id) => stats.get(id);
      return {
        frames,
        local: of(pair.localCandidateId)?.candidateType,
        remote: of(pair.remoteCandidateId)?.candidateType,
        relayProtocol: of(pair.localCandidateId)?.relayProtocol,
      };
    },
  };
}
