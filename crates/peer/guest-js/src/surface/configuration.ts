// RTCConfiguration: what a page may not ask for (WebRTC 4.4.1.6).

export function checkConfiguration(configuration: RTCConfiguration): RTCConfiguration {
  const { iceServers = [], iceTransportPolicy = "all", bundlePolicy = "balanced" } = configuration;
  if (iceTransportPolicy !== "all" && iceTransportPolicy !== "relay")
    throw new TypeError("no such iceTransportPolicy");
  for (const { urls, username, credential } of iceServers) {
    const list = typeof urls === "string" ? [urls] : urls;
    if (!list || list.length === 0) throw new DOMException("an ICE server needs an address", "SyntaxError");
    for (const url of list) {
      const scheme = /^(stuns?|turns?):[^/]/i.exec(url)?.[1]?.toLowerCase();
      if (!scheme) throw new DOMException(`"${url}" is no ICE server`, "SyntaxError");
      if (scheme.startsWith("turn") && (username === undefined || credential === undefined)) {
        throw new DOMException(`"${url}" needs a username and a credential`, "InvalidAccessError");
      }
    }
  }
  return {
    iceServers: iceServers.map(({ urls, username, credential }) => ({
      urls: typeof urls === "string" ? urls : [...urls],
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    })),
    iceTransportPolicy,
    bundlePolicy,
    rtcpMuxPolicy: "require",
    iceCandidatePoolSize: 0,
  };
}
