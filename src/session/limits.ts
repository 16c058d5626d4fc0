/** The numbers of docs/PROTOCOL.md, "Alerts and limits". Bytes and milliseconds. Both ends hold them; none is negotiated. */
export const PROTOCOL_VERSION = 1

export const MAX_HELLO = 8 * 1024
export const MAX_FLIGHT = 64 * 1024
/** Of a record's ciphertext, tag included. */
export const MAX_RECORD = 256 * 1024
export const MAX_FRAGMENT = 192 * 1024
export const MAX_CONTEXT = 16 * 1024 * 1024
export const MAX_HEAD = 64 * 1024
export const MAX_BATCH = 64

export const HANDSHAKE_TIMEOUT = 10_000
export const MAX_HALF_OPEN = 64
/** Handshake signatures that a gateway makes in any second: the scarce thing is its signer. */
export const SIGNATURES_PER_ADDRESS = 10
export const SIGNATURES_TOTAL = 50
/** How long a handshake with a cookie waits for its turn: half of its deadline, or a turn would come too late to be of use. */
export const MAX_TURN_WAIT = HANDSHAKE_TIMEOUT / 2
export const MAX_COOKIE = 512
/** A cookie is good for the slot in which it was made and the next one. */
export const COOKIE_SLOT = 60_000

/** What one epoch may be used for before the client rekeys, where there is traffic. */
export const EPOCH_AGE = 10 * 60_000
export const EPOCH_CONTEXTS = 2 ** 16
export const EPOCH_BYTES = 2 ** 30
/** How long traffic may go on past these limits before the gateway ends the connection: a thief of keys must not keep them alive. */
export const REKEY_GRACE = 60_000
/** From RekeyInit to EpochStart. */
export const REKEY_TIMEOUT = 30_000
/** Least time between two rekeys: each costs the gateway a signature. */
export const REKEY_SPACING = 1_000

/** Records of one direction and epoch: far below what AES-GCM allows for 256 KiB records (SP 800-38D, RFC 9846 §5.5). */
export const MAX_RECORDS = 2 ** 20

export const EXCHANGE_CREDIT = 1024 * 1024
export const SESSION_CREDIT = 64 * 1024 * 1024
/** What a context costs beside its body and head, so that empty ones are not free to pile up at a slow receiver. */
export const CONTEXT_COST = 1024
/** Bytes of fragments that this end has in the carrier at once. */
export const MAX_IN_CARRIER = 512 * 1024
/** Bodies begun and not yet named by a statement. */
export const MAX_TRANSFERS = 4096

export const ACK_EVERY = 64
export const ACK_DELAY = 100
/** Contexts sent and not acknowledged by the peer; further ones wait. */
export const MAX_UNACKNOWLEDGED = 4096
/** How far back the chain heads reach that an acknowledgement may name. */
export const HEAD_HISTORY = 65_536

export const CLOCK_SKEW = 120_000
/** How long `close` waits for signed goodbyes before the carrier goes. */
export const CLOSE_TIMEOUT = 3_000
/** How long the last alert may take to leave. */
export const FAREWELL_TIMEOUT = 1_000
/** Silence after which a Ping is sent, and after which as much more silence ends the connection. */
export const HEARTBEAT = 30_000
/** Time without traffic after which only open exchanges keep the heartbeat going, and then at this pace. */
export const HEARTBEAT_QUIET = 5 * 60_000
/** Silence that makes the next record ask whether the other end is still there, and how long it has to answer. */
export const PROBE_AFTER = 60_000
export const PROBE_PATIENCE = 10_000

/** Transition documents that a client may send on one connection, one at a time. */
export const MAX_TRANSITIONS = 16
/** Servers that a gateway says of how it reaches them. */
export const MAX_LEGS = 1024
/** How often a gateway asks whether the client of a session that runs is still served. */
export const STANDING_INTERVAL = 60_000

/** Sessions with a connection that a gateway serves at once, for one client and in all. Those that wait to be resumed are limited below. */
export const MAX_SESSIONS_EACH = 64
export const MAX_SESSIONS = 1000

/** How long a gateway keeps a session whose connection was lost, and how many of them in all and for one client. */
export const RESUME_WINDOW = 60 * 60_000
export const MAX_INTERRUPTED = 256
export const MAX_INTERRUPTED_EACH = 16
/** How long a client tries to bring a lost connection back, and how long a context waits unsent for it. */
export const RECONNECT_PATIENCE = 5 * 60_000
export const SEND_PATIENCE = 25_000

/** UTF-16 units; a name that this end makes has at most half as many characters. */
export const MAX_NAME = 128
export const MAX_ALERT_TEXT = 200
