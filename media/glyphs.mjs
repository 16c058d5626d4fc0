// @ts-check
// Draws media/countersign.ttf: the shapes of custody and verdict for the status bar and quick picks, where VS Code takes
// only a font. Run it after a change: node media/glyphs.mjs. A test compares its output with the committed file.
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** @typedef {[number, number]} Point on a grid of 16, y downwards */
/** @typedef {Point[]} Contour */

const LINE = 1.25
const UNIT = 64

/** Signed area tells the direction. @param {Contour} points @param {boolean} hole @returns {Contour} */
function wind(points, hole) {
  const area = points.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = points[(at + 1) % points.length] ?? [0, 0]
    return sum + x * nextY - nextX * y
  }, 0)
  return area > 0 === hole ? points.toReversed() : points
}

/** @param {Contour} points */
const fill = (points) => [wind(points, false)]
/** @param {Contour} points */
const cut = (points) => [wind(points, true)]

/** @param {number} r @param {number} from degrees @param {number} to @param {Point} [centre] @returns {Contour} */
function curve(r, from, to, [x, y] = [8, 8]) {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) / 9))
  return Array.from({ length: steps + 1 }, (_, at) => {
    const angle = ((from + ((to - from) * at) / steps) * Math.PI) / 180
    return /** @type {Point} */ ([x + r * Math.cos(angle), y + r * Math.sin(angle)])
  })
}

/** @param {number} r @param {Point} [centre] */
const circle = (r, centre) => curve(r, 0, 351, centre)
/** @param {number} r */
const ring = (r) => [...fill(circle(r + LINE / 2)), ...cut(circle(r - LINE / 2))]
/** @param {number} r @param {number} from @param {number} to @param {Point} [centre] */
const arc = (r, from, to, centre) =>
  fill([...curve(r + LINE / 2, from, to, centre), ...curve(r - LINE / 2, to, from, centre)])
/** @param {number} x @param {number} y @param {number} width @param {number} height @returns {Contour} */
const box = (x, y, width, height) => [
  [x, y],
  [x + width, y],
  [x + width, y + height],
  [x, y + height],
]
/** A line through the points with round ends and joints. @param {Point[]} points */
function line(...points) {
  return points.flatMap((point, at) => {
    const disc = fill(circle(LINE / 2, point))
    const next = points[at + 1]
    if (next === undefined) return disc
    const length = Math.hypot(next[0] - point[0], next[1] - point[1])
    const across = /** @type {Point} */ ([
      (-(next[1] - point[1]) / length) * (LINE / 2),
      ((next[0] - point[0]) / length) * (LINE / 2),
    ])
    const [x, y] = across
    return [
      ...disc,
      ...fill([
        [point[0] + x, point[1] + y],
        [next[0] + x, next[1] + y],
        [next[0] - x, next[1] - y],
        [point[0] - x, point[1] - y],
      ]),
    ]
  })
}

/** Dashes along a closed path. @param {Point[]} corners @param {number} dashes a side */
function dashed(corners, dashes) {
  return corners.flatMap((from, at) => {
    const to = corners[(at + 1) % corners.length] ?? from
    /** @param {number} t @returns {Point} */
    const on = (t) => [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t]
    return Array.from({ length: dashes }, (_, n) => line(on((n + 0.22) / dashes), on((n + 0.78) / dashes))).flat()
  })
}

const pins = [5, 8, 11].flatMap((at) => [
  ...fill(box(at - 0.6, 0.8, 1.2, 2.2)),
  ...fill(box(at - 0.6, 13, 1.2, 2.2)),
  ...fill(box(0.8, at - 0.6, 2.2, 1.2)),
  ...fill(box(13, at - 0.6, 2.2, 1.2)),
])
const c = 2.1
const t = 0.75
/** @type {Contour} */
const cross = [
  [8, 8 - t * 1.42],
  [8 + c, 8 - c - t],
  [8 + c + t, 8 - c],
  [8 + t * 1.42, 8],
  [8 + c + t, 8 + c],
  [8 + c, 8 + c + t],
  [8, 8 + t * 1.42],
  [8 - c, 8 + c + t],
  [8 - c - t, 8 + c],
  [8 - t * 1.42, 8],
  [8 - c - t, 8 - c],
  [8 - c, 8 - c - t],
]

/** In the order of their characters, from U+E001. Never reorder: the manifest names characters. */
export const GLYPHS = {
  hsm: [...fill(box(3.4, 3.4, 9.2, 9.2)), ...pins],
  software: [
    ...line([3.2, 1.6], [9.4, 1.6], [12.8, 5], [12.8, 14.4], [3.2, 14.4], [3.2, 1.6]),
    ...line([9.4, 1.6], [9.4, 5], [12.8, 5]),
    ...line([6.9, 7.4], [5.3, 9.5], [6.9, 11.6]),
    ...line([9.1, 7.4], [10.7, 9.5], [9.1, 11.6]),
  ],
  unknown: [
    ...dashed(
      [
        [8, 0.9],
        [15.1, 8],
        [8, 15.1],
        [0.9, 8],
      ],
      3,
    ),
    ...arc(1.7, -180, 60, [8, 6.6]),
    ...line([8.6, 8.1], [8, 9.2]),
    ...fill(circle(0.85, [8, 11.2])),
  ],
  ready: [...ring(6.4), ...line([5, 8.3], [7.1, 10.4], [11, 5.9])],
  pending: [
    ...Array.from({ length: 8 }, (_, at) => arc(6.4, at * 45 + 8, at * 45 + 37)).flat(),
    ...[5, 8, 11].flatMap((x) => fill(circle(0.85, [x, 8]))),
  ],
  rejected: [
    ...fill(Array.from({ length: 8 }, (_, at) => curve(7.4, at * 45 + 22.5, at * 45 + 22.5)[0] ?? [8, 8])),
    ...cut(cross),
  ],
  off: [...ring(6.4), ...line([3.5, 12.5], [12.5, 3.5])],
  usable: [...ring(6.4), ...fill(curve(4.4, 90, 270))],
  locked: [
    ...fill(box(3, 7, 10, 7.6)),
    ...arc(3, 180, 360, [8, 5]),
    ...line([5, 5], [5, 7.5]),
    ...line([11, 5], [11, 7.5]),
  ],
}

const bytes = {
  /** @param {number[]} values */
  u16: (...values) => Buffer.from(values.flatMap((value) => [(value >> 8) & 255, value & 255])),
  /** @param {number[]} values */
  u32: (...values) => Buffer.concat(values.map((value) => bytes.u16(value >>> 16, value & 65535))),
}

/** @param {Contour[]} contours */
function glyph(contours) {
  if (contours.length === 0) return Buffer.alloc(0)
  const drawn = contours.map((contour) => contour.map(([x, y]) => [Math.round(x * UNIT), Math.round((16 - y) * UNIT)]))
  const points = drawn.flat()
  const xs = points.map(([x = 0]) => x)
  const ys = points.map(([, y = 0]) => y)
  let end = -1
  const ends = drawn.map((contour) => (end += contour.length))
  /** @param {number[]} values */
  const deltas = (values) => values.map((value, at) => value - (values[at - 1] ?? 0))
  const data = Buffer.concat([
    bytes.u16(drawn.length, Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)),
    bytes.u16(...ends, 0),
    Buffer.alloc(points.length, 1),
    bytes.u16(...deltas(xs), ...deltas(ys)),
  ])
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)])
}

/** A TrueType font with one glyph a character (OpenType 1.9: head, hhea, maxp, OS/2, hmtx, cmap, loca, glyf, name, post). */
export function font() {
  const shapes = Object.values(GLYPHS)
  const glyphs = [Buffer.alloc(0), ...shapes.map(glyph)]
  const count = glyphs.length
  const em = 16 * UNIT
  let offset = 0
  const loca = bytes.u32(0, ...glyphs.map((data) => (offset += data.length)))
  const first = 0xe001
  const last = first + shapes.length - 1
  const cmap = bytes.u16(4, 32, 0, 4, 4, 1, 0, last, 0xffff, 0, first, 0xffff, 1 - first, 1, 0, 0)
  const family = Buffer.from('Countersign', 'utf16le').swap16()
  const maxPoints = Math.max(...shapes.map((contours) => contours.flat().length))
  const maxContours = Math.max(...shapes.map((contours) => contours.length))
  /** @type {Record<string, Buffer>} */
  const tables = {
    'OS/2': Buffer.concat([
      bytes.u16(3, em, 400, 5, 0, 650, 700, 0, 140, 650, 700, 0, 480, 50, 258, 0),
      Buffer.alloc(10),
      bytes.u32(0, 0, 0, 0),
      Buffer.from('CSGN'),
      bytes.u16(64, first, last, em, 0, 0, em, 0),
      bytes.u32(0, 0),
      bytes.u16(0, 0, 0, 32, 0),
    ]),
    cmap: Buffer.concat([bytes.u16(0, 1, 3, 1), bytes.u32(12), cmap]),
    glyf: Buffer.concat(glyphs),
    head: Buffer.concat([
      bytes.u32(0x10000, 0x10000, 0, 0x5f0f3cf5),
      bytes.u16(3, em),
      Buffer.alloc(16),
      bytes.u16(0, 0, em, em, 0, 8, 2, 1, 0),
    ]),
    hhea: Buffer.concat([bytes.u32(0x10000), bytes.u16(em, 0, 0, em, 0, 0, em, 1, 0, 0, 0, 0, 0, 0, 0, count)]),
    hmtx: bytes.u16(...glyphs.flatMap(() => [em, 0])),
    loca,
    maxp: Buffer.concat([
      bytes.u32(0x10000),
      bytes.u16(count, maxPoints, maxContours, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
    ]),
    name: Buffer.concat([
      bytes.u16(0, 3, 6 + 36),
      ...[1, 4, 6].map((id) => bytes.u16(3, 1, 0x409, id, family.length, 0)),
      family,
    ]),
    post: Buffer.concat([bytes.u32(0x30000, 0), bytes.u16(0, 0), bytes.u32(0, 0, 0, 0, 0)]),
  }
  return assemble(tables)
}

/** @param {Buffer} data */
function checksum(data) {
  let sum = 0
  for (let at = 0; at < data.length; at += 4) sum = (sum + data.readUInt32BE(at)) >>> 0
  return sum
}

/** @param {Record<string, Buffer>} tables */
function assemble(tables) {
  const names = Object.keys(tables).sort()
  let offset = 12 + 16 * names.length
  const power = 2 ** Math.floor(Math.log2(names.length))
  const directory = [
    bytes.u32(0x10000),
    bytes.u16(names.length, power * 16, Math.log2(power), (names.length - power) * 16),
  ]
  const body = []
  for (const name of names) {
    const data = tables[name] ?? Buffer.alloc(0)
    const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
    directory.push(Buffer.from(name), bytes.u32(checksum(padded), offset, data.length))
    body.push(padded)
    offset += padded.length
  }
  const file = Buffer.concat([...directory, ...body])
  const head = file.indexOf(bytes.u32(0x5f0f3cf5)) - 12
  file.writeUInt32BE((0xb1b0afba - checksum(file)) >>> 0, head + 8)
  return file
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(new URL('countersign.ttf', import.meta.url), font())
}
