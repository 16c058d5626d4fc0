import type { Disposable } from '../../support/disposable.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { UpstreamLeg } from '../api.ts'
import { RECORD, type RecordType } from '../channel/record.ts'
import type { LegsPort } from '../ports.ts'
import { encodeLegs, parseLegs } from './messages.ts'

/** What the legs need of the connection that there is. */
export interface LegsLink {
  /** Whether client and gateway of this handshake both said that they know this record. */
  readonly understood: boolean
  send(type: RecordType, payload: Uint8Array): Promise<void>
}

/** How a gateway reaches its servers, told or heard. It is said for people and changes nothing in a session. */
export interface Legs {
  /** A connection is there, the first one or another. */
  attach(link: LegsLink): void
  /** Whether the record was one of these. @throws SessionError alert 10, 21; CountersignError `decode` */
  onRecord(type: number, payload: Uint8Array): boolean
  /** The session is over. */
  end(): void
}

export class ClientLegs implements Legs {
  private readonly heard: (told: readonly UpstreamLeg[] | undefined) => void
  private understood = false

  constructor(heard: (told: readonly UpstreamLeg[] | undefined) => void) {
    this.heard = heard
  }

  attach({ understood }: LegsLink): void {
    this.understood = understood
    // A gateway that was set back to an older version tells nothing any more: what it said before may be false by now.
    if (!understood) this.heard(undefined)
  }

  onRecord(type: number, payload: Uint8Array): boolean {
    if (type !== RECORD.Legs) return false
    if (!this.understood) throw outOfTurn()
    this.heard(parseLegs(payload))
    return true
  }

  end(): void {
    this.understood = false
  }
}

/** Says it once on each connection and again when it changes, one record at a time: a client that reads slowly gets the last. */
export class GatewayLegs implements Legs {
  private readonly port: LegsPort | undefined
  private readonly subscription: Disposable | undefined
  private link: LegsLink | undefined
  private changes = 0
  private saying = false

  constructor(port: LegsPort | undefined) {
    this.port = port
    this.subscription = port?.onLegs(() => this.changed())
  }

  attach(link: LegsLink): void {
    this.link = link
    this.saying = false
    this.changed()
  }

  onRecord(type: number): boolean {
    if (type === RECORD.Legs) throw outOfTurn()
    return false
  }

  end(): void {
    this.link = undefined
    this.subscription?.dispose()
  }

  private changed(): void {
    this.changes += 1
    const { port, link, saying } = this
    if (port === undefined || link?.understood !== true || saying) return
    this.saying = true
    // Where a record does not leave, the connection ends, and it is said on the next one.
    this.say(port, link).catch(() => {})
  }

  private async say(port: LegsPort, link: LegsLink): Promise<void> {
    let said: number
    do {
      said = this.changes
      await link.send(RECORD.Legs, encodeLegs(port.legs))
      if (this.link !== link) return
    } while (said !== this.changes)
    this.saying = false
  }
}

function outOfTurn(): SessionError {
  return new SessionError(ALERT.unexpectedMessage, 'A record about legs came out of turn.')
}
