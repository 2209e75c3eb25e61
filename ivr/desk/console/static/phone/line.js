// One telephone: logged in at Asterisk, or only calling; one call at a time. JsSIP speaks SIP, the browser
// carries the sound; what is to be seen of it, `tell` is told.
//
// Law: a talk outlives its SIP. The sound goes straight to Asterisk, so a lost connection ends nothing here.

import { FINAL } from "./socket.js";

const HOST = "112.invalid"; // Asterisk goes by the account
const KEY = { duration: 160, interToneGap: 80, transportType: "RFC2833" };
const GATHER_MS = 300; // for the addresses of this machine; those it has are there at once
const NEARBY = { iceServers: [], bundlePolicy: "max-bundle" };

export class Line {
  #ua = null;
  #session = null;
  #keys = [];
  #audio = new Audio();
  #lost = false;
  registered = false;
  muted = false;
  held = false;

  // `socket` is a Socket; `secret()` fetches {account, password}; `microphone` is a MediaStream.
  constructor({ socket, secret, microphone, registers, tell }) {
    Object.assign(this, { socket, secret, microphone, registers, tell });
    this.#audio.autoplay = true;
  }

  async start() {
    const { account, password } = await this.secret();
    const ua = new JsSIP.UA({
      sockets: [this.socket],
      uri: `sip:${account}@${HOST}`,
      password,
      register: this.registers,
      register_expires: 60,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 5,
      user_agent: "Siaga112",
    });
    this.#ua = ua;
    ua.on("connected", () => this.#connected());
    ua.on("disconnected", () => this.#disconnected());
    ua.on("registered", () => { this.registered = true; this.#lost = false; this.tell(); });
    ua.on("unregistered", () => { this.registered = false; this.tell(); });
    ua.on("registrationFailed", () => this.#notRegistered());
    ua.on("newRTCSession", ({ originator, session }) => {
      if (originator === "remote") this.#comes(session);
    });
    ua.start();
    this.tell();
  }

  stop() {
    const ua = this.#ua;
    this.#ua = null;
    this.registered = this.#lost = false;
    ua?.stop();
    this.tell();
  }

  // "off" | "connecting" | "ready" | "calling" | "ringing" | "talking" | "held" | "lost"
  get state() {
    const session = this.#session;
    if (session?.isEstablished()) return this.held ? "held" : "talking";
    if (session) return session.direction === "incoming" ? "ringing" : "calling";
    if (!this.#ua) return "off";
    if (this.#lost) return "lost";
    return this.registered || (!this.registers && this.#ua.isConnected()) ? "ready" : "connecting";
  }

  get lost() { return this.#lost; }

  get caller() {
    const identity = this.#session?.remote_identity;
    return { name: identity?.display_name || "", number: identity?.uri.user || "" };
  }

  // ------------------------------------------------------------------------------------------ calls

  call(number) {
    const eventHandlers = { peerconnection: ({ peerconnection }) => this.#listen(peerconnection) };
    this.#take(this.#ua.call(`sip:${number}@${HOST}`, { ...this.#media(), eventHandlers }));
  }

  answer() {
    if (this.state === "ringing") this.#session.answer(this.#media());
  }

  hangUp() {
    this.#session?.terminate();
  }

  hold() {
    const session = this.#session;
    if (!session?.isEstablished()) return;
    if (this.held) session.unhold();
    else session.hold();
  }

  mute() {
    if (!this.#session?.isEstablished()) return;
    if (this.muted) this.#session.unmute({ audio: true });
    else this.#session.mute({ audio: true });
  }

  // A key pressed before the sound flows is sent as soon as it does.
  press(key) {
    this.#keys.push(key);
    this.#sendKeys();
  }

  #media() {
    for (const track of this.microphone.getTracks()) track.enabled = true;
    return { mediaStream: this.microphone, pcConfig: NEARBY };
  }

  #comes(session) {
    if (this.#session) {
      session.terminate({ status_code: 486 });
      return;
    }
    session.on("peerconnection", ({ peerconnection }) => this.#listen(peerconnection));
    this.#take(session);
  }

  #take(session) {
    this.#session = session;
    this.muted = this.held = false;
    let gathering;
    session.on("icecandidate", ({ ready }) => { gathering ||= setTimeout(ready, GATHER_MS); });
    const over = () => {
      if (this.#session !== session) return;
      this.#session = null;
      this.#keys = [];
      this.#audio.srcObject = null;
      if (this.socket.closed) this.stop();
      else this.tell();
    };
    session.on("ended", over);
    session.on("failed", over);
    for (const what of ["accepted", "confirmed"]) session.on(what, () => this.tell());
    session.on("hold", ({ originator }) => this.#see({ held: originator === "local" || this.held }));
    session.on("unhold", ({ originator }) => this.#see({ held: originator === "local" ? false : this.held }));
    session.on("muted", () => this.#see({ muted: true }));
    session.on("unmuted", () => this.#see({ muted: false }));
    this.tell();
  }

  #see(seen) {
    Object.assign(this, seen);
    this.tell();
  }

  #listen(connection) {
    connection.addEventListener("track", ({ track }) => {
      this.#audio.srcObject = new MediaStream([track]);
      this.#audio.play().catch(() => {}); // `autoplay` plays it when it may
    });
    connection.addEventListener("connectionstatechange", () => this.#sendKeys());
  }

  #sendKeys() {
    const session = this.#session;
    if (!session?.isEstablished() || session.connection.connectionState !== "connected") return;
    for (const key of this.#keys.splice(0)) session.sendDTMF(key, KEY);
  }

  // ------------------------------------------------------------------------------- lost, and found again

  #connected() {
    if (!this.registers) this.#lost = false;
    // Whoever hung up while we were not there could not tell us: a call that is no more answers 481.
    if (this.#session?.isEstablished()) this.#session.sendInfo("application/octet-stream");
    this.tell();
  }

  #disconnected() {
    if (!this.#ua) return;
    this.registered = false;
    this.#lost = true;
    this.socket.closed = FINAL.has(this.socket.why);
    if (this.socket.closed && !this.#session?.isEstablished()) this.stop();
    else this.tell();
  }

  // The secret is another one after `siaga apply`. A talk that goes on is not touched.
  async #notRegistered() {
    this.registered = false;
    this.#lost = true;
    this.tell();
    const ua = this.#ua;
    await new Promise((done) => { setTimeout(done, 1000 + 4000 * Math.random()); });
    if (this.#ua !== ua || !ua?.isConnected()) return;
    try {
      ua.set("password", (await this.secret()).password);
    } catch {
      // With the old one it fails, and is tried again.
    }
    if (this.#ua === ua) ua.register();
  }
}
