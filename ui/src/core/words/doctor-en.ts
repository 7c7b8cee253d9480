import type { DoctorWords } from "./doctor";

const settings = "Allow it in the system or browser settings, then check again.";

export const doctorEn: DoctorWords = {
  title: "Connection check",
  intro: "Tries the camera, the microphone, the server and the ways to other people. Nothing is recorded.",
  tone: "You'll hear a short tone.",
  begin: "Check now",
  again: "Check again",
  cancel: "Stop",
  close: "Close the connection check",
  running: "Checking…",
  cancelled: "Stopped.",
  done: (problems) => (problems === "1" ? "Found 1 problem." : `Found ${problems} problems.`),
  allWell: "No problem found.",
  steps: {
    devices: "Camera, microphone, speaker",
    server: "Server",
    network: "Network",
    relay: "Relay",
    call: "People in the call",
  },
  stepStates: { waiting: "waiting", running: "under way", done: "done", failed: "couldn't be checked" },
  severities: { broken: "Problem", warning: "Worth a look", unknown: "Not known", fine: "Fine" },
  fine: "What works",
  somebody: "someone",
  views: "What to show",
  check: "Check",
  timeline: {
    title: "Timeline",
    empty: "Nothing has happened yet. Every message and every change of a call appears here.",
    hint: "Every message and every change, without what was said, names, addresses or keys.",
    earlier: (count) => `${count} earlier ones are in the report.`,
    ways: { out: "sent", in: "received", state: "changed" },
    peer: (number) => `Person ${number}`,
    size: (characters) => `${characters} characters`,
  },
  copy: "Copy report",
  save: "Save report",
  copied: "Report copied",
  copyFailed: "Couldn't copy the report",
  saved: (where) => `Saved as ${where}`,
  saveFailed: "Couldn't save the report. Copy it instead.",
  reportHint: "The report has no names, addresses or keys in it.",
  findings: {
    "camera-works": { says: () => "The camera works." },
    "camera-denied": { says: () => "Snug may not use the camera.", fix: settings },
    "camera-missing": { says: () => "There is no camera.", fix: "Plug one in, or join without a picture." },
    "camera-busy": {
      says: () => "Another app is using the camera.",
      fix: "Close it there, then check again.",
    },
    "camera-insecure": {
      says: () => "This page isn't secure, so it gets no camera.",
      fix: "Open the link with https://.",
    },
    "camera-unknown": {
      says: () => "The camera didn't start.",
      fix: "Plug it in again, or choose another one.",
    },
    "microphone-works": { says: () => "The microphone works." },
    "microphone-silent": {
      says: () => "The microphone is on, and perfectly silent.",
      fix: "Look for a mute switch on it, or choose another one.",
    },
    "microphone-denied": { says: () => "Snug may not use the microphone.", fix: settings },
    "microphone-missing": { says: () => "There is no microphone.", fix: "Plug one in, then check again." },
    "microphone-busy": {
      says: () => "Another app is using the microphone.",
      fix: "Close it there, then check again.",
    },
    "microphone-insecure": {
      says: () => "This page isn't secure, so it gets no microphone.",
      fix: "Open the link with https://.",
    },
    "microphone-unknown": {
      says: () => "The microphone didn't start.",
      fix: "Plug it in again, or choose another one.",
    },
    "speaker-works": { says: () => "There is a speaker to play on." },
    "speaker-missing": {
      says: () => "There is no speaker.",
      fix: "Plug in a speaker or a headset, then check again.",
    },
    "speaker-unknown": {
      says: () => "Which speaker plays can't be seen from here.",
      fix: "Play the test tone in the lobby and listen for it.",
    },
    echo: {
      says: () => "Your microphone hears your speaker, so others hear themselves.",
      fix: "Use a headset, or turn the speaker down.",
    },
    "no-echo": { says: () => "The microphone doesn't hear the speaker." },
    "echo-unknown": {
      says: () => "Whether others hear themselves can't be told yet.",
      fix: "Keep this open and the microphone on until somebody else has talked for ten seconds.",
    },
    "echo-returned": {
      says: (who) => `${who}'s microphone picks up your voice, so you hear yourself.`,
      fix: "Ask them to use a headset, or to turn their speaker down.",
    },
    "server-reached": { says: (_, value) => `The server answers in ${value}.` },
    "server-slow": {
      says: (_, value) => `The server takes ${value} to answer.`,
      fix: "Stop large downloads, move closer to the Wi-Fi, or use a cable.",
    },
    "server-unreachable": {
      says: () => "The server doesn't answer.",
      fix: "Check your internet connection; if it works, tell whoever runs the server.",
    },
    "server-refuses": {
      says: () => "The server lets in invited people only, so it couldn't be tried from here.",
      fix: "Join the call, then check again.",
    },
    "clock-right": { says: () => "The clock is right." },
    "clock-wrong": {
      says: (_, value) => `This device's clock is off by ${value}.`,
      fix: "Turn on automatic time in the system settings.",
    },
    "clock-unknown": {
      says: () => "The clock couldn't be compared with the server's.",
      fix: "Make sure that automatic time is on in the system settings.",
    },
    "udp-works": { says: () => "The network lets calls through (UDP)." },
    "udp-blocked": {
      says: () => "A firewall drops UDP, so calls take a detour over TCP and may stutter.",
      fix: "Ask whoever runs the network to allow UDP, or use another network.",
    },
    "udp-blocked-no-relay": {
      says: () => "A firewall drops UDP, and no relay can be reached another way, so calls can't connect.",
      fix: "Use another network, or ask for UDP or a relay over TLS on port 443.",
    },
    "udp-unknown": {
      says: () => "Whether UDP gets through couldn't be found out.",
      fix: "Ask whoever runs the server to offer STUN and TURN.",
    },
    "nat-open": { says: () => "No router stands in the way." },
    "nat-steady": { says: () => "The router lets others find their way to you." },
    "nat-symmetric": { says: () => "The router is strict (symmetric NAT), and the relay helps out." },
    "nat-symmetric-no-relay": {
      says: () => "The router is strict (symmetric NAT), and there is no relay to help out.",
      fix: "Use another network, or ask whoever runs the server to offer TURN.",
    },
    "nat-unknown": {
      says: () => "What kind of router you are behind couldn't be found out.",
      fix: "Nothing, as long as calls connect; telling needs two STUN servers.",
    },
    "relay-works": { says: (_, value) => `The relay works (${value}).` },
    "relay-absent": {
      says: () => "The server offers no relay, so people behind strict networks can't connect.",
      fix: "Ask whoever runs the server to offer TURN.",
    },
    "relay-refused": {
      says: (_, value) => `The relay refuses the credentials that the server handed out (${value}).`,
      fix: "Tell whoever runs the server: the TURN secret or a clock is wrong.",
    },
    "relay-full": {
      says: (_, value) => `The relay is full (${value}).`,
      fix: "Try again later, or tell whoever runs the server.",
    },
    "relay-silent": {
      says: () => "The relay can't be reached by any way.",
      fix: "Use another network; if that doesn't help, tell whoever runs the server.",
    },
    "relay-stuck": {
      says: () => "The relay answers, and passes nothing on.",
      fix: "Tell whoever runs the server: its relay ports (UDP 49152 to 65535) seem closed, or it does not know its public address.",
    },
    "path-good": { says: (_, value) => `The line is good (loss, jitter, bandwidth: ${value}).` },
    "path-lossy": {
      says: (_, value) => `The line loses ${value} of what is sent.`,
      fix: "Move closer to the Wi-Fi, or use a cable.",
    },
    "path-jittery": {
      says: (_, value) => `The line is uneven (${value} of jitter), so voices may break up.`,
      fix: "Stop large downloads, move closer to the Wi-Fi, or use a cable.",
    },
    "path-slow": {
      says: (_, value) =>
        `The way to the relay and back takes ${value}, so people will talk over each other.`,
      fix: "Switch off a VPN, or use a server that is nearer.",
    },
    "path-narrow": {
      says: (_, value) => `Only ${value} get through, too little for a good picture.`,
      fix: "Stop large downloads, or turn the camera off.",
    },
    "link-good": { says: (who) => `The connection to ${who} works.` },
    "link-waiting": {
      says: (who) => `The connection to ${who} is just being made.`,
      fix: "Wait a moment, then check again.",
    },
    "offer-unanswered": {
      says: (who) => `${who} doesn't answer: what we offer, or their answer, gets lost on the server's side.`,
      fix: "Ask them to join again; if it goes on, tell whoever runs the server.",
    },
    "answer-lost": {
      says: (who) => `Our answers don't reach ${who}: they get lost on the server's side.`,
      fix: "Join again; if it goes on, tell whoever runs the server.",
    },
    "candidates-missing": {
      says: (who) => `The server passes on no addresses of ${who}, so there is no way to connect.`,
      fix: "Join again; if it goes on, tell whoever runs the server.",
    },
    "ice-stuck": {
      says: (who) => `No way to ${who} works: everything was exchanged, and nothing gets through.`,
      fix: "One of you should try another network, or ask whoever runs the server to offer TURN.",
    },
    "media-missing": {
      says: (who) => `The connection to ${who} stands, and neither sound nor picture arrives.`,
      fix: "Ask them to turn microphone and camera off and on, or to join again.",
    },
    "media-lost": {
      says: (who) => `Sound and picture of ${who} stopped, while the server still has them.`,
      fix: "Wait, since it heals by itself where it can; else one of you should change the network.",
    },
    "line-down": {
      says: () => "Your line to the server is down.",
      fix: "Check your internet connection; Snug comes back by itself.",
    },
  },
};
