/**
 * A js-libp2p peer for the interoperability tests: commands as JSON lines on stdin, events as JSON lines on
 * stdout. tests/interop/foreign.py describes both. It speaks what docs/network.md says and shares no code with
 * the node.
 */
import { createHash } from 'node:crypto'
import { readFile, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { byteStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const MIB = 1 << 20
const TOPICS = ['offers', 'models', 'nodes', 'receipts'].map((name) => `/p2pnode/1/${name}`)
const sha256 = (data) => createHash('sha256').update(data).digest()
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  // js-libp2p refuses to dial private addresses by default, and these tests have no others.
  connectionGater: { denyDialMultiaddr: () => false },
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, emitSelf: false, scoreParams: { IPColocationFactorWeight: 0 } })
  }
})

const connectionTo = (peer) => {
  const found = node.getConnections().find((connection) => connection.remotePeer.toString() === peer)
  if (found == null) throw new Error(`not connected to ${peer}`)
  return found
}

/** Read a frame: `u32be length | bytes`. */
async function readFrame (bytes) {
  const length = (await bytes.read({ bytes: 4 })).subarray()
  const size = new DataView(length.buffer, length.byteOffset).getUint32(0)
  return size === 0 ? new Uint8Array(0) : (await bytes.read({ bytes: size })).subarray()
}

/** Write a frame, no faster than the other side reads. */
async function writeFrame (bytes, ...parts) {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(4)
  header.writeUInt32BE(body.length)
  const frame = Buffer.concat([header, body])
  for (let start = 0; start < frame.length; start += 65536) {
    await bytes.write(frame.subarray(start, start + 65536))
  }
}

/** One request and its answer; throws the sentence of a refusal. */
async function request (peer, protocol, body) {
  const stream = await connectionTo(peer).newStream(protocol)
  const bytes = byteStream(stream, { maxBufferSize: 2 * MIB })
  await writeFrame(bytes, body)
  const answer = Buffer.from(await readFrame(bytes))
  await stream.close()
  if (answer[0] !== 0) throw new Error(`refused: ${answer.subarray(1).toString()}`)
  return answer.subarray(1)
}

/** A blob from a peer, every chunk and the whole checked. */
async function fetchBlob (peer, digest) {
  const described = await request(peer, '/p2pnode/blob-hashes/1', digest)
  const size = Number(described.readBigUInt64BE(0))
  const parts = []
  for (let offset = 0; offset < size; offset += MIB) {
    const body = Buffer.alloc(44)
    digest.copy(body)
    body.writeBigUInt64BE(BigInt(offset), 32)
    body.writeUInt32BE(MIB, 40)
    const part = (await request(peer, '/p2pnode/blob/1', body)).subarray(8)
    const index = 8 + 32 * (offset / MIB)
    if (!sha256(part).equals(described.subarray(index, index + 32))) throw new Error(`chunk at ${offset} is wrong`)
    parts.push(part)
  }
  const whole = Buffer.concat(parts)
  if (!sha256(whole).equals(digest)) throw new Error('the whole does not hash to the digest')
  return whole
}

/** Serve one file as a blob. */
async function serveBlob (path) {
  const data = await readFile(path)
  const digest = sha256(data)
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(data.length))
  const hashes = []
  for (let offset = 0; offset < Math.max(data.length, 1); offset += MIB) hashes.push(sha256(data.subarray(offset, offset + MIB)))
  const answer = async (stream, make) => {
    const bytes = byteStream(stream)
    const body = Buffer.from(await readFrame(bytes))
    if (body.subarray(0, 32).equals(digest)) await writeFrame(bytes, Buffer.from([0]), size, ...make(body))
    else await writeFrame(bytes, Buffer.from([2]), Buffer.from('not kept here'))
    await stream.close()
  }
  await node.handle('/p2pnode/blob-hashes/1', (stream) => answer(stream, () => hashes))
  await node.handle('/p2pnode/blob/1', (stream) => answer(stream, (body) => {
    const offset = Number(body.readBigUInt64BE(32))
    return [data.subarray(offset, offset + body.readUInt32BE(40))]
  }))
  return digest.toString('hex')
}

const commands = {
  dial: async ({ address }) => ({ peer: (await node.dial(multiaddr(address))).remotePeer.toString() }),
  peers: async () => ({ peers: node.getPeers().map(String) }),
  mesh: async ({ topic }) => ({ peers: node.services.pubsub.getMeshPeers(topic) }),
  publish: async ({ topic, data }) => {
    await node.services.pubsub.publish(topic, Buffer.from(data, 'hex'))
    return {}
  },
  ping: async ({ peer }) => ({ milliseconds: await node.services.ping.ping(connectionTo(peer).remotePeer) }),
  identify: async ({ peer }) => {
    const { agentVersion, protocols } = await node.services.identify.identify(connectionTo(peer))
    return { agent: agentVersion, protocols }
  },
  fetch: async ({ peer, digest, path }) => {
    const whole = await fetchBlob(peer, Buffer.from(digest, 'hex'))
    const file = await open(path, 'w')
    await file.writeFile(whole)
    await file.close()
    return { size: whole.length }
  },
  serve: async ({ path }) => ({ digest: await serveBlob(path) })
}

node.services.pubsub.addEventListener('message', ({ detail }) => {
  say({ event: 'message', topic: detail.topic, data: Buffer.from(detail.data).toString('hex'), from: detail.from.toString() })
})
for (const topic of TOPICS) node.services.pubsub.subscribe(topic)
say({ event: 'ready', peer: node.peerId.toString(), address: node.getMultiaddrs()[0].toString() })

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  commands[command.do](command).then(
    (result) => say({ event: 'done', id: command.id, ...result }),
    (error) => say({ event: 'failed', id: command.id, reason: String(error?.message ?? error) })
  )
}
await node.stop()
process.exit(0)
