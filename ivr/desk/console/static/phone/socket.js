// The way of a telephone's SIP to the desk, as JsSIP wants one (its WebSocketInterface), which besides
// keeps why the desk closed it (ivr/desk/webphone.py).

export const WHY = { 4401: "logged-out", 4404: "no-phone", 4409: "taken", 4410: "displaced", 4429: "crowded", 4503: "away" };
// After these it is of no use to try again by oneself.
export const FINAL = new Set(["logged-out", "no-phone", "taken", "displaced"]);

export class Socket {
  #socket = null;
  via_transport = "WS";
  sip_uri = "sip:112.invalid;transport=ws";
  why = "";
  by = "";
  insists = false;
  closed = false; // for good: it opens no more

  constructor(path, query = {}) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.url = `${scheme}://${location.host}${path}?${new URLSearchParams(query)}`;
  }

  connect() {
    if (this.closed || this.isConnected() || this.isConnecting()) return;
    const socket = new WebSocket(this.url + (this.insists ? "&insists" : ""), "sip");
    this.#socket = socket;
    socket.onopen = () => { this.why = this.by = ""; this.insists = false; this.onconnect(); };
    socket.onmessage = (event) => this.ondata(event.data);
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.why = WHY[event.code] || "away";
      this.by = event.reason;
      this.ondisconnect(true, event.code, event.reason);
    };
  }

  disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.close();
  }

  send(message) {
    if (!this.isConnected()) return false;
    this.#socket.send(message);
    return true;
  }

  isConnected() { return this.#socket?.readyState === WebSocket.OPEN; }
  isConnecting() { return this.#socket?.readyState === WebSocket.CONNECTING; }
}
