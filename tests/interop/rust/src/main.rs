//! A rust-libp2p peer for the interoperability tests: commands as JSON lines on stdin, events as JSON lines on
//! stdout. tests/interop/foreign.py describes both.

mod blobs;

use std::{collections::HashMap, error::Error, time::Duration};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, gossipsub, identify, noise, ping,
    swarm::{NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::mpsc,
};

const TOPICS: [&str; 4] =
    ["/p2pnode/1/offers", "/p2pnode/1/models", "/p2pnode/1/nodes", "/p2pnode/1/receipts"];

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    stream: libp2p_stream::Behaviour,
}

/// What has been heard of peers, and commands that wait for more.
#[derive(Default)]
struct Heard {
    identified: HashMap<PeerId, identify::Info>,
    pinged: HashMap<PeerId, Duration>,
    dialling: HashMap<PeerId, Value>,
    asking: Vec<(PeerId, &'static str, Value)>,
}

fn say(event: Value) {
    println!("{event}");
}

fn done(id: &Value, mut fields: Value) {
    fields["event"] = json!("done");
    fields["id"] = id.clone();
    say(fields);
}

fn failed(id: &Value, reason: impl ToString) {
    say(json!({"event": "failed", "id": id, "reason": reason.to_string()}));
}

impl Heard {
    /// Answer the commands that wait for what is known now.
    fn answer(&mut self) {
        let (identified, pinged) = (&self.identified, &self.pinged);
        self.asking.retain(|(peer, what, id)| match *what {
            "ping" => pinged.get(peer).is_none_or(|time| {
                done(id, json!({"milliseconds": time.as_secs_f64() * 1000.0}));
                false
            }),
            _ => identified.get(peer).is_none_or(|info| {
                let protocols: Vec<_> = info.protocols.iter().map(ToString::to_string).collect();
                done(id, json!({"agent": info.agent_version, "protocols": protocols}));
                false
            }),
        });
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Message { message, .. })) => {
                say(json!({
                    "event": "message",
                    "topic": message.topic.as_str(),
                    "data": hex::encode(&message.data),
                    "from": message.source.map(|peer| peer.to_string()),
                }));
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
                self.identified.insert(peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result: Ok(time), .. })) => {
                self.pinged.insert(peer, time);
            }
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                if let Some(id) = self.dialling.remove(&peer_id) {
                    done(&id, json!({"peer": peer_id.to_string()}));
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                if let Some(id) = self.dialling.remove(&peer) {
                    failed(&id, error);
                }
            }
            _ => {}
        }
        self.answer();
    }
}

fn peer_of(command: &Value) -> Result<PeerId, Box<dyn Error>> {
    Ok(command["peer"].as_str().unwrap_or_default().parse()?)
}

/// Run one command; those that take time answer later.
async fn run(command: Value, swarm: &mut Swarm<Behaviour>, heard: &mut Heard) -> Result<(), Box<dyn Error>> {
    let id = command["id"].clone();
    let text = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
    match command["do"].as_str().unwrap_or_default() {
        "dial" => {
            let address: Multiaddr = text("address").parse()?;
            let options: DialOpts = address.into();
            heard.dialling.insert(options.get_peer_id().ok_or("no peer ID")?, id);
            swarm.dial(options)?;
        }
        "peers" => {
            let peers: Vec<_> = swarm.connected_peers().map(ToString::to_string).collect();
            done(&id, json!({"peers": peers}));
        }
        "mesh" => {
            let topic = gossipsub::IdentTopic::new(text("topic")).hash();
            let peers: Vec<_> =
                swarm.behaviour().gossipsub.mesh_peers(&topic).map(ToString::to_string).collect();
            done(&id, json!({"peers": peers}));
        }
        "publish" => {
            let topic = gossipsub::IdentTopic::new(text("topic"));
            swarm.behaviour_mut().gossipsub.publish(topic, hex::decode(text("data"))?)?;
            done(&id, json!({}));
        }
        "ping" => heard.asking.push((peer_of(&command)?, "ping", id)),
        "identify" => heard.asking.push((peer_of(&command)?, "identify", id)),
        "fetch" => {
            let (peer, control) = (peer_of(&command)?, swarm.behaviour().stream.new_control());
            let (digest, path) = (hex::decode(text("digest"))?, text("path"));
            tokio::task::spawn_local(async move {
                match blobs::fetch(control, peer, &digest).await {
                    Ok(whole) if std::fs::write(&path, &whole).is_ok() => done(&id, json!({"size": whole.len()})),
                    Ok(_) => failed(&id, format!("{path} cannot be written")),
                    Err(error) => failed(&id, error),
                }
            });
        }
        "serve" => {
            let digest = blobs::serve(&mut swarm.behaviour().stream.new_control(), std::fs::read(text("path"))?)?;
            done(&id, json!({"digest": hex::encode(digest)}));
        }
        other => return Err(format!("no command {other}").into()),
    }
    heard.answer();
    Ok(())
}

#[tokio::main(flavor = "local")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            let config = gossipsub::ConfigBuilder::default()
                .heartbeat_interval(Duration::from_secs(1))
                .validation_mode(gossipsub::ValidationMode::Strict)
                .build()?;
            let signing = gossipsub::MessageAuthenticity::Signed(key.clone());
            Ok(Behaviour {
                gossipsub: gossipsub::Behaviour::new(signing, config)?,
                identify: identify::Behaviour::new(identify::Config::new("p2pnode/interop".into(), key.public())),
                ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(500))),
                stream: libp2p_stream::Behaviour::new(),
            })
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build();
    for topic in TOPICS {
        swarm.behaviour_mut().gossipsub.subscribe(&gossipsub::IdentTopic::new(topic))?;
    }
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;

    let (send, mut commands) = mpsc::channel::<Value>(16);
    tokio::task::spawn_local(async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let command = serde_json::from_str(&line).expect("a JSON line");
            if send.send(command).await.is_err() {
                return;
            }
        }
    });

    let mut heard = Heard::default();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                if let SwarmEvent::NewListenAddr { address, .. } = &event {
                    let peer = *swarm.local_peer_id();
                    say(json!({
                        "event": "ready", "peer": peer.to_string(), "address": format!("{address}/p2p/{peer}"),
                    }));
                }
                heard.event(event);
            }
            command = commands.recv() => {
                let Some(command) = command else { return Ok(()) };
                let id = command["id"].clone();
                if let Err(error) = run(command, &mut swarm, &mut heard).await {
                    failed(&id, error);
                }
            }
        }
    }
}
