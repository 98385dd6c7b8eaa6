// A go-libp2p peer for the interoperability tests: commands as JSON lines on stdin, events as JSON lines on
// stdout. tests/interop/foreign.py describes both.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const mib = 1 << 20

type fields map[string]any

var output sync.Mutex

// say writes one event.
func say(event fields) {
	output.Lock()
	defer output.Unlock()
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// command is everything that a command line may hold.
type command struct {
	Do, Address, Topic, Data, Peer, Digest, Path string
	ID                                           int
}

// node is the host, its topics and the blob that it serves.
type node struct {
	host   host.Host
	topics map[string]*pubsub.Topic
	mesh   *meshTracer
	blob   []byte
}

// meshTracer knows who is in the mesh of each topic.
type meshTracer struct {
	mutex sync.Mutex
	peers map[string]map[string]bool
}

func (t *meshTracer) set(p peer.ID, topic string, in bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.peers[topic] == nil {
		t.peers[topic] = map[string]bool{}
	}
	t.peers[topic][p.String()] = in
}

func (t *meshTracer) Graft(p peer.ID, topic string) { t.set(p, topic, true) }
func (t *meshTracer) Prune(p peer.ID, topic string) { t.set(p, topic, false) }

func (t *meshTracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (t *meshTracer) OnClosedOutboundStream(peer.ID)                       {}
func (t *meshTracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (t *meshTracer) Join(string)                                          {}
func (t *meshTracer) Leave(string)                                         {}
func (t *meshTracer) ValidateMessage(*pubsub.Message)                      {}
func (t *meshTracer) DeliverMessage(*pubsub.Message)                       {}
func (t *meshTracer) RejectMessage(*pubsub.Message, string)                {}
func (t *meshTracer) DuplicateMessage(*pubsub.Message)                     {}
func (t *meshTracer) ThrottlePeer(peer.ID)                                 {}
func (t *meshTracer) RecvRPC(*pubsub.RPC)                                  {}
func (t *meshTracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (t *meshTracer) DropRPC(*pubsub.RPC, peer.ID)                         {}
func (t *meshTracer) UndeliverableMessage(*pubsub.Message)                 {}

func writeFrame(stream io.Writer, parts ...[]byte) error {
	body := bytes.Join(parts, nil)
	_, err := stream.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

func readFrame(stream io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(stream, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	body := make([]byte, length)
	_, err := io.ReadFull(stream, body)
	return body, err
}

// request sends one request and returns its answer; a refusal is an error with its sentence.
func (n *node) request(ctx context.Context, to peer.ID, via protocol.ID, body []byte) ([]byte, error) {
	stream, err := n.host.NewStream(ctx, to, via)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if err := writeFrame(stream, body); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	answer, err := readFrame(stream)
	if err != nil {
		return nil, err
	}
	if answer[0] != 0 {
		return nil, errors.New("refused: " + string(answer[1:]))
	}
	return answer[1:], nil
}

// fetch gets a blob, every chunk and the whole checked.
func (n *node) fetch(ctx context.Context, from peer.ID, digest []byte) ([]byte, error) {
	described, err := n.request(ctx, from, "/p2pnode/blob-hashes/1", digest)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint64(described)
	var whole []byte
	for offset := uint64(0); offset < size; offset += mib {
		body := binary.BigEndian.AppendUint64(bytes.Clone(digest), offset)
		answer, err := n.request(ctx, from, "/p2pnode/blob/1", binary.BigEndian.AppendUint32(body, mib))
		if err != nil {
			return nil, err
		}
		hash := sha256.Sum256(answer[8:])
		if !bytes.Equal(hash[:], described[8+32*(offset/mib):][:32]) {
			return nil, fmt.Errorf("chunk at %d is wrong", offset)
		}
		whole = append(whole, answer[8:]...)
	}
	if hash := sha256.Sum256(whole); !bytes.Equal(hash[:], digest) {
		return nil, errors.New("the whole does not hash to the digest")
	}
	return whole, nil
}

// serve answers for one blob.
func (n *node) serve() {
	digest := sha256.Sum256(n.blob)
	size := binary.BigEndian.AppendUint64(nil, uint64(len(n.blob)))
	answer := func(make func(body []byte) []byte) network.StreamHandler {
		return func(stream network.Stream) {
			defer stream.Close()
			body, err := readFrame(stream)
			if err != nil {
				stream.Reset()
				return
			}
			if !bytes.Equal(body[:32], digest[:]) {
				writeFrame(stream, []byte{2}, []byte("not kept here"))
				return
			}
			writeFrame(stream, []byte{0}, size, make(body))
		}
	}
	n.host.SetStreamHandler("/p2pnode/blob-hashes/1", answer(func([]byte) []byte {
		var hashes []byte
		for offset := 0; offset < max(len(n.blob), 1); offset += mib {
			hash := sha256.Sum256(n.blob[offset:min(offset+mib, len(n.blob))])
			hashes = append(hashes, hash[:]...)
		}
		return hashes
	}))
	n.host.SetStreamHandler("/p2pnode/blob/1", answer(func(body []byte) []byte {
		offset, length := binary.BigEndian.Uint64(body[32:]), binary.BigEndian.Uint32(body[40:])
		return n.blob[offset:min(offset+uint64(length), uint64(len(n.blob)))]
	}))
}

func (n *node) run(ctx context.Context, c command) (fields, error) {
	var to peer.ID
	if c.Peer != "" {
		var err error
		if to, err = peer.Decode(c.Peer); err != nil {
			return nil, err
		}
	}
	switch c.Do {
	case "dial":
		info, err := peer.AddrInfoFromString(c.Address)
		if err != nil {
			return nil, err
		}
		return fields{"peer": info.ID.String()}, n.host.Connect(ctx, *info)
	case "peers":
		return fields{"peers": n.host.Network().Peers()}, nil
	case "mesh":
		n.mesh.mutex.Lock()
		defer n.mesh.mutex.Unlock()
		peers := []string{}
		for name, in := range n.mesh.peers[c.Topic] {
			if in {
				peers = append(peers, name)
			}
		}
		return fields{"peers": peers}, nil
	case "publish":
		data, err := hex.DecodeString(c.Data)
		if err != nil {
			return nil, err
		}
		return nil, n.topics[c.Topic].Publish(ctx, data)
	case "ping":
		result := <-ping.Ping(ctx, n.host, to)
		return fields{"milliseconds": float64(result.RTT) / float64(time.Millisecond)}, result.Error
	case "identify":
		protocols, err := n.host.Peerstore().GetProtocols(to)
		agent, _ := n.host.Peerstore().Get(to, "AgentVersion")
		return fields{"agent": agent, "protocols": protocols}, err
	case "fetch":
		digest, err := hex.DecodeString(c.Digest)
		if err != nil {
			return nil, err
		}
		whole, err := n.fetch(ctx, to, digest)
		if err != nil {
			return nil, err
		}
		return fields{"size": len(whole)}, os.WriteFile(c.Path, whole, 0o600)
	case "serve":
		var err error
		if n.blob, err = os.ReadFile(c.Path); err != nil {
			return nil, err
		}
		n.serve()
		digest := sha256.Sum256(n.blob)
		return fields{"digest": hex.EncodeToString(digest[:])}, nil
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}

func (n *node) listen(ctx context.Context, subscription *pubsub.Subscription) {
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return
		}
		if message.GetFrom() != n.host.ID() {
			say(fields{
				"event": "message", "topic": subscription.Topic(),
				"data": hex.EncodeToString(message.Data), "from": message.GetFrom().String(),
			})
		}
	}
}

// options are TCP, noise and yamux on loopback, in the private network of the key file named by P2PNODE_PSK.
func options() []libp2p.Option {
	found := []libp2p.Option{
		libp2p.NoTransports, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(),
	}
	if path := os.Getenv("P2PNODE_PSK"); path != "" {
		file, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		key, err := pnet.DecodeV1PSK(file)
		if err != nil {
			panic(err)
		}
		found = append(found, libp2p.PrivateNetwork(key))
	}
	return found
}

func main() {
	ctx := context.Background()
	h, err := libp2p.New(options()...)
	if err != nil {
		panic(err)
	}
	n := &node{host: h, topics: map[string]*pubsub.Topic{}, mesh: &meshTracer{peers: map[string]map[string]bool{}}}
	router, err := pubsub.NewGossipSub(ctx, h, pubsub.WithRawTracer(n.mesh))
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"offers", "models", "nodes", "receipts"} {
		topic, err := router.Join("/p2pnode/1/" + name)
		if err != nil {
			panic(err)
		}
		subscription, err := topic.Subscribe()
		if err != nil {
			panic(err)
		}
		n.topics[topic.String()] = topic
		go n.listen(ctx, subscription)
	}
	say(fields{
		"event": "ready", "peer": h.ID().String(),
		"address": fmt.Sprintf("%s/p2p/%s", h.Addrs()[0], h.ID()),
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4*mib)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		go func() {
			limited, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			answer, err := n.run(limited, c)
			if err != nil {
				say(fields{"event": "failed", "id": c.ID, "reason": err.Error()})
				return
			}
			result := fields{"event": "done", "id": c.ID}
			for name, value := range answer {
				result[name] = value
			}
			say(result)
		}()
	}
}
