/** A row of a hex dump holds so many bytes that two bodies fit side by side. */
export const HEX_COLUMNS = 8

export interface HexLine {
  readonly offset: string
  readonly hex: string
  /** Printable ASCII; a dot for everything else. */
  readonly text: string
}

export function hexLines(hex: string, offset: number): HexLine[] {
  const lines: HexLine[] = []
  for (let at = 0; at < hex.length; at += HEX_COLUMNS * 2) {
    const bytes = hex.slice(at, at + HEX_COLUMNS * 2).match(/../g) ?? []
    lines.push({
      offset: (offset + at / 2).toString(16).padStart(6, '0'),
      hex: bytes.join(' '),
      text: bytes.map((byte) => printable(Number.parseInt(byte, 16))).join(''),
    })
  }
  return lines
}

const printable = (code: number): string => (code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '·')
