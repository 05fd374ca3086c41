// A board with an RP2040 in an emulator: its image, the chips around it, and true motion on its pins.
//
//   node rp2040.mjs RP2040JS IMAGE CONFIGURATION STIMULI OUT.uart OUT.usb SEED [whole-steps|usb-questions|just-flashed|ready-stays]
//
// The image is booted as the boot ROM does it (the second stage's checksum, then its code). The emulator's own loop
// ignores the PIO's clock divider and delays; here every state machine keeps its own time. A machine that turns
// round an unchanging pin is moved on by whole turns, unless `whole-steps` is given: both give the same bytes.
// Its serial line sends at once; here bytes wait in a queue and leave at the rate that its divisor makes.
import { readFileSync, writeFileSync } from 'node:fs';

const [rp2040js, imagePath, configurationPath, stimuliPath, uartPath, usbPath, seed, mode] = process.argv.slice(2);
const wholeSteps = mode === 'whole-steps', usbQuestions = mode === 'usb-questions';
const { RP2040, USBCDC, GPIOPinState } = await import(`${rp2040js}/dist/esm/index.js`);
const { SimulationClock } = await import(`${rp2040js}/dist/esm/clock/simulation-clock.js`);

const image = readFileSync(imagePath);
const configuration = readFileSync(configurationPath);
const stimuli = readFileSync(stimuliPath);
const RECORD = 12, EDGE = 1, READING = 2, ANGLE = 3, HOME = 4, RESET = 5, SHORT = 6, PLUG = 7, DEAF = 8;
const ENCODER = 1, HX711 = 2, AS5600 = 3, NAU7802 = 4;
const CONFIGURATION_AT = 0x1ff000;

const channels = [];
for (let i = 0; i < configuration[6]; i++) {
  const at = 60 + 68 * i;
  channels.push({ sensor: configuration[at], pins: [...configuration.subarray(at + 1, at + 4)], angle: -1, pinState: 3 });
}

// What a host asks after it has found the device: its texts; then the port is opened at 1200 baud and closed.
const answers = [];
let lineCoding = null, disk = false;
function ask() {
  const { usbCtrl } = mcu, heard = usbCtrl.onEndpointWrite;
  usbCtrl.onEndpointWrite = (endpoint, bytes) => { if (endpoint) heard(endpoint, bytes); else answers.push([...bytes]); };
  // A boot ROM whose table gives one function, at 0x300: the way into its disk.
  mcu.bootrom[0x14 / 4] = 0x100;
  mcu.bootrom[0x18 / 4] = 0x201;
  mcu.bootrom[0x200 / 4] = 0x02002003; // movs r0, #3; lsls r0, r0, #8
  mcu.bootrom[0x204 / 4] = 0x47703001; // adds r0, #1; bx lr
  mcu.bootrom[0x300 / 4] = 0xe7fee7fe;
  const questions = [
    [0x80, 6, 0, 1, 0, 0, 18, 0], // the device
    ...[1, 2, 3].map((n) => [0x80, 6, n, 3, 9, 4, 255, 0]), // its texts
    [0x80, 6, 0, 6, 0, 0, 10, 0], // what it has not: a faster self
    [0x21, 0x20, 0, 0, 0, 0, 7, 0], // 1200 baud
    [0x21, 0x22, 0, 0, 0, 0, 0, 0], // closed
  ];
  const next = clock.createAlarm(() => {
    const question = questions.shift();
    if (!question) return;
    lineCoding = question[1] === 0x20 ? Uint8Array.from([0xb0, 4, 0, 0, 0, 0, 8]) : null;
    answers.push(question[1]);
    usbCtrl.sendSetupPacket(Uint8Array.from(question));
    next.schedule(2e6);
  });
  next.schedule(2e6);
}

function boot2Checksum(bytes) { // CRC-32 of the boot ROM: 04c11db7, most significant bit first, no final inversion
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let i = 0; i < 8; i++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

let random = Number(seed) >>> 0;
const nextBit = () => { random = (Math.imul(random, 1664525) + 1013904223) >>> 0; return random >>> 31; };

let due = 0; // when the next stimulus or state machine is
let switched = true; // machines may have been enabled
const clock = new SimulationClock();
const uart = [], usb = [], pieces = []; // when it began to speak, and after how many bytes
let spoke = -1e9;
let mcu, machines, serialLine, hung = false, usbSeen = false;
let usbHost, usbLatestUs = 0; // how late in the host's frame of a millisecond a packet was offered

// The transmitter of a PL011 (RP2040 data sheet 4.2): 32 bytes wait, and one is on its way for 10 bits' time. Its interrupt
// comes when the queue falls to half (UARTIFLS as after a reset), and goes when it is filled beyond or is cleared.
function makeSerialLine(port) {
  const TX = 1 << 5, BUSY = 1 << 3, FULL = 1 << 5, EMPTY = 1 << 7, DEPTH = 32, HALF = 16;
  const queue = [];
  let onItsWay = null;
  const line = { lost: 0, baud: () => mcu.clkPeri / (16 * port.baudDivider), stop: () => sent.cancel() };
  function begin() {
    if (onItsWay !== null || !queue.length) return;
    onItsWay = queue.shift();
    if (queue.length === HALF) port.interruptStatus |= TX;
    port.checkInterrupts();
    sent.schedule(10e9 / line.baud());
  }
  const sent = clock.createAlarm(() => {
    if (clock.nanos - spoke > 1e6) pieces.push([clock.nanos / 1e9, uart.length]);
    spoke = clock.nanos;
    uart.push(onItsWay);
    onItsWay = null;
    begin();
  });
  port.checkInterrupts = () => mcu.setInterrupt(port.irq, !!(port.interruptStatus & port.interruptMask));
  Object.defineProperty(port, 'flags', { get: () => 1 << 4 // nothing received
    | (onItsWay !== null || queue.length ? BUSY : 0) | (queue.length === DEPTH ? FULL : 0) | (queue.length ? 0 : EMPTY) });
  port.onByte = (byte) => {
    if (queue.length === DEPTH) { line.lost++; return; }
    queue.push(byte);
    if (queue.length > HALF) port.interruptStatus &= ~TX;
    begin();
    port.checkInterrupts();
  };
  return line;
}

// A host that begins a frame each millisecond by a clock of its own, so that the board's come in all of it; reading SOF_RD clears the interrupt of it (RP2040 data sheet 4.1.4).
function makeUsbHost(controller) {
  const SOF = 1 << 17, SOF_RD = 0x48, BULK_IN = 0x90, AVAILABLE = 1 << 10;
  let began = clock.nanos;
  const frame = clock.createAlarm(() => {
    began = clock.nanos;
    controller.intRaw |= SOF;
    controller.checkInterrupts();
    frame.schedule(1.001e6);
  });
  frame.schedule(1.001e6);
  const read = controller.readUint32.bind(controller), updated = controller.DPRAMUpdated.bind(controller);
  controller.readUint32 = (offset) => {
    if (offset === SOF_RD) { controller.intRaw &= ~SOF; controller.checkInterrupts(); }
    return read(offset);
  };
  controller.DPRAMUpdated = (offset, value) => {
    if (offset === BULK_IN && value & AVAILABLE) usbLatestUs = Math.max(usbLatestUs, (clock.nanos - began) / 1e3);
    updated(offset, value);
  };
  return frame;
}

function powerUp(kept, watchdog, scratch = []) {
  mcu = new RP2040(clock);
  mcu.logger = { debug() {}, info() {}, warn() {}, error(name, text) { console.error(name, text); } };
  for (const pio of mcu.pio) {
    pio.run = () => {};
    const write = pio.writeUint32.bind(pio);
    pio.writeUint32 = (offset, value) => { switched ||= offset === 0; write(offset, value); };
  }
  const plain = (value) => ({ readUint32: value, writeUint32Atomic() {} });
  mcu.peripherals[0x40060] = plain(nextBit); // the ring oscillator's random bit
  mcu.peripherals[0x40064] = plain(() => 1 << 8); // the chip was switched on
  if (kept) mcu.sram.set(kept); else for (let i = 0; i < mcu.sram.length; i++) mcu.sram[i] = 0xa5;
  mcu.flash.set(image);
  if (configuration.length) mcu.flash.set(configuration, CONFIGURATION_AT);
  const watchdogOf = mcu.peripherals[0x40058];
  if (watchdog) watchdogOf.reason = 1;
  scratch.forEach((word, n) => { watchdogOf.scratchData[n] = word; });
  const born = mcu;
  watchdogOf.onWatchdogTrigger = () => {
    watchdogOf.timer.enable = watchdogOf.alarm.enable = false; // the chip that was is no more
    if (born === mcu) { hung = false; powerUp(born.sram.slice(), true, [...watchdogOf.scratchData]); }
  };
  serialLine?.stop();
  serialLine = makeSerialLine(mcu.uart[0]);
  const port = new USBCDC(mcu.usbCtrl);
  usbHost?.cancel();
  usbHost = makeUsbHost(mcu.usbCtrl);
  // The emulator's host would send an empty packet every 10 us; ours sends what a control request has.
  mcu.usbCtrl.onEndpointRead = (endpoint, size) => {
    if (endpoint === 0 && size && lineCoding) mcu.usbCtrl.endpointReadDone(0, lineCoding);
  };
  port.onSerialData = (bytes) => usb.push(...bytes);
  port.onDeviceConnected = () => { usbSeen = true; if (usbQuestions) ask(); };
  machines = mcu.pio.flatMap((pio) => pio.machines.map((machine) => ({ pio, machine, next: Infinity, enabled: false })));
  connect(mcu.i2c[0]);
  for (const c of channels) {
    if (c.sensor === NAU7802 && !kept) c.registers = new Uint8Array(256);
    if (c.sensor === HX711) hx711(c);
    if (c.sensor === ENCODER) show(c);
    if (c.sensor === ENCODER && c.pins[2] !== 255) mcu.gpio[c.pins[2]].setInputValue(true);
  }
  switched = true;
  const boot2 = image.subarray(0, 256);
  if (boot2Checksum(boot2.subarray(0, 252)) !== boot2.readUInt32LE(252)) {
    console.log(JSON.stringify({ boot: 'disk' })); // the boot ROM shows the board as a disk
    process.exit(0);
  }
  mcu.sram.set(boot2, 0x41f00);
  mcu.core.SP = 0x20041f00;
  mcu.core.LR = 0;
  mcu.core.PC = 0x20041f00;
}

function show(c) { mcu.gpio[c.pins[0]].setInputValue(!!(c.lines & 1)); mcu.gpio[c.pins[1]].setInputValue(!!(c.lines & 2)); }

// What hangs on I2C. The first byte that is written says which register, the rest go there and after it.
function connect(bus) {
  const answering = {
    0x36: () => channels.find((c) => c.sensor === AS5600 && c.angle >= 0),
    0x2a: () => channels.find((c) => c.sensor === NAU7802 && !c.unplugged && !isDeaf(c)),
  };
  let chip, register = 0, addressed = false;
  bus.onConnect = (to, reads) => { chip = answering[to]?.(); addressed = !!reads; bus.completeConnect(!!chip); };
  bus.onWriteByte = (byte) => {
    if (addressed && chip.registers) setNau7802(chip, register++, byte);
    else register = byte;
    addressed = true;
    bus.completeWrite(true);
  };
  bus.onReadByte = () => {
    if (chip.registers && register === 0x14) showReady(chip, false); // the last byte of the counts
    bus.completeRead(chip.registers ? chip.registers[register++] : as5600(chip, register++));
  };
}

// The emulator goes on with a transfer that was not acknowledged: what it asks then is of the same.
function isDeaf(c) {
  if (clock.nanos - (c.refused ?? -1e9) < 1e5) return true;
  if (!c.deaf) return false;
  c.deaf--;
  c.refused = clock.nanos;
  return true;
}

// Data sheet of the AS5600: RAW ANGLE, high byte first; a magnet is there, and how strong it is.
const as5600 = (c, register) => ({ 0x0b: 0x20, 0x0c: c.angle >> 8, 0x0d: c.angle & 255, 0x1a: 0x80, 0x1b: 0x06 })[register] ?? 0;

// Data sheet of the NAU7802: PU_CTRL resets, powers and starts it, CTRL1 has its gain, CTRL2 its rate, 0x12 the counts.
// Until its regulator has settled the counts are too few. Its pin is high until they are read, and low for a moment
// before the next are ready; with `ready-stays` it is not.
const NAU7802_HZ = { 0: 10, 1: 20, 2: 40, 3: 80, 7: 320 }, SETTLES_NS = 200e6;
function showReady(c, high) {
  if (high !== c.isReady) mcu.gpio[c.pins[2]].setInputValue(high); // the emulator makes an edge of every call
  c.isReady = high;
}
function setNau7802(c, register, value) {
  if (register === 0 && value & 1) {
    c.registers.fill(0);
    showReady(c, false);
  }
  if (register === 0 && (value & 0x86) === 0x86 && (c.registers[0] & 0x86) !== 0x86) c.powered = clock.nanos;
  c.registers[register] = value;
}
function nau7802Converts(c, counts) {
  const { registers } = c, hz = NAU7802_HZ[registers[2] >> 4 & 7];
  // Digital part, analogue part, the bridge's regulator, conversions; and no sooner than its rate.
  if ((registers[0] & 0x96) !== 0x96 || clock.nanos - (c.converted ?? -1e9) < 0.99e9 / hz) return;
  c.converted = clock.nanos;
  const whole = counts >> 7 - (registers[1] & 7); // what is said of it at a gain of 128
  const seen = clock.nanos - c.powered < SETTLES_NS ? whole >> 1 : whole;
  [16, 8, 0].forEach((by, n) => { registers[0x12 + n] = seen >> by; });
  if (mode !== 'ready-stays') showReady(c, false);
  showReady(c, true);
}
function nau7802() {
  const c = channels.find(({ sensor }) => sensor === NAU7802);
  return c && { registers: [...c.registers.subarray(0, 3)], pulledDown: mcu.gpio[c.pins[2]].pulldownEnabled };
}
function plug(c, is) { // without power it has forgotten everything
  c.unplugged = !is;
  c.registers.fill(0);
  showReady(c, false);
}

// The converter: its data falls when a reading is ready; 24 clocks shift it out, the 25th ends it.
function hx711(c) {
  const data = mcu.gpio[c.pins[0]], sck = mcu.gpio[c.pins[1]];
  c.show = (high) => { c.high = high; data.setInputValue(high && !c.short); };
  c.show(true);
  c.bit = -1;
  sck.addListener((state) => {
    if (state !== GPIOPinState.High || c.bit < 0) return;
    if (c.bit < 24) c.show(!!(c.value >> (23 - c.bit++) & 1));
    else { c.bit = -1; c.show(true); }
  });
}

const counts = stimuli.length / RECORD;
const at = (i) => i < counts ? stimuli.readUInt32LE(i * RECORD) * 1000 : Infinity;
let nextStimulus = 0;

function happen() {
  const i = nextStimulus++ * RECORD;
  const kind = stimuli[i + 4], c = channels[stimuli[i + 5]], value = stimuli.readInt32LE(i + 8);
  if (kind === EDGE) { c.lines = value; show(c); }
  if (kind === ANGLE) c.angle = value;
  if (kind === HOME) mcu.gpio[c.pins[2]].setInputValue(!value);
  if (kind === SHORT) { c.short = value === 1; c.show(c.high); }
  if (kind === RESET) { if (value === 1) hung = true; else { for (const x of channels) x.bit = -1; powerUp(value ? mcu.sram.slice() : null, false); } }
  if (kind === READING && c.sensor === HX711) {
    c.value = value & 0xffffff;
    if (c.bit <= 0) { c.bit = 0; c.show(false); }
  }
  if (kind === PLUG) plug(c, value);
  if (kind === DEAF) c.deaf = value;
  if (kind === READING && c.sensor === NAU7802) nau7802Converts(c, value);
}

function wake() { // machines that were enabled, or whose pin has come, run from now on
  due = at(nextStimulus);
  for (const m of machines) {
    const enabled = m.machine.enabled;
    if (!enabled) m.next = Infinity;
    else if (m.next === Infinity && !m.machine.waiting) m.next = clock.nanos + period(m.machine);
    if (m.next < due) due = m.next;
  }
}

const period = (machine) => (machine.clockDivInt || 65536) * 1e9 / mcu.clkSys;

function stepMachine(m) {
  const { machine } = m;
  const op = machine.pio.instructions[machine.pc];
  if (!wholeSteps && op === 0xa027 && machine.pc === 0) { // edges.pio at its beginning
    const base = machine.pinCtrl >>> 15 & 31;
    const lines = (mcu.gpio[base].inputValue ? 1 : 0) | (mcu.gpio[base + 1].inputValue ? 2 : 0);
    const turns = Math.floor((Math.min(at(nextStimulus), m.next + 2e6) - m.next) / (10 * period(machine))) - 1;
    if (lines === machine.y && turns > 0) {
      machine.outputShiftReg = (machine.outputShiftReg - turns) >>> 0;
      m.next += turns * 10 * period(machine);
      return;
    }
  }
  const sideset = machine.pinCtrl >>> 29;
  const delay = op >> 8 & (0x1f >> sideset);
  machine.step();
  m.pio.checkChangedPins();
  m.next = machine.waiting ? Infinity : m.next + (1 + delay) * period(machine);
}

function advance(nanos) { // everything outside the processor, up to this time, in the order of time
  while (due <= nanos) {
    let first = null, when = at(nextStimulus);
    for (const m of machines) if (m.next < when) { first = m; when = m.next; }
    if (when > nanos) { due = when; break; }
    if (when > clock.nanos) clock.tick(when - clock.nanos);
    if (first) { stepMachine(first); clock.tick(0); } else happen();
    wake();
  }
  if (nanos > clock.nanos) clock.tick(nanos - clock.nanos);
  if (switched) { switched = false; wake(); }
}

powerUp(null, mode === 'just-flashed'); // the boot ROM leaves its disk by the watchdog, with no mark in it
const end = at(counts - 1);
let busy = 0;
while (clock.nanos < end) {
  const { core } = mcu;
  if (usbQuestions && core.PC === 0x300) { disk = true; break; }
  if (core.waiting && core.pendingInterrupts & core.enabledInterrupts && core.checkForInterrupts()) core.waiting = false;
  if (core.waiting || hung) {
    const next = Math.min(due, clock.nextAlarm ? clock.nextAlarm.nanos : Infinity);
    if (next === Infinity) break;
    advance(Math.max(next, clock.nanos));
  } else {
    const nanos = core.executeInstruction() * 1e9 / mcu.clkSys;
    busy += nanos;
    advance(clock.nanos + nanos);
  }
}
writeFileSync(uartPath, Buffer.from(uart));
writeFileSync(usbPath, Buffer.from(usb));
writeFileSync(`${uartPath}.json`, JSON.stringify(pieces));
console.log(JSON.stringify({ boot: 'run', busy: busy / clock.nanos, seconds: clock.nanos / 1e9, usbSeen, disk, answers,
  baud: serialLine.baud(), uartLost: serialLine.lost, usbLatestUs, ...nau7802() }));
process.exit(0);
