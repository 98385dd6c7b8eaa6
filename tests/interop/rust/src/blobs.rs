//! Blobs over streams, as docs/network.md describes them.

use std::{error::Error, sync::Arc};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream, StreamProtocol};
use libp2p_stream::Control;
use sha2::{Digest, Sha256};

const MIB: usize = 1 << 20;
const HASHES: StreamProtocol = StreamProtocol::new("/p2pnode/blob-hashes/1");
const BLOB: StreamProtocol = StreamProtocol::new("/p2pnode/blob/1");

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One frame: `u32be length | bytes`.
async fn read_frame(stream: &mut Stream) -> Outcome<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn write_frame(stream: &mut Stream, body: &[u8]) -> Outcome<()> {
    stream.write_all(&(body.len() as u32).to_be_bytes()).await?;
    stream.write_all(body).await?;
    Ok(stream.flush().await?)
}

/// One request and its answer; a refusal is an error with its sentence.
async fn request(control: &mut Control, peer: PeerId, protocol: StreamProtocol, body: &[u8]) -> Outcome<Vec<u8>> {
    let mut stream = control.open_stream(peer, protocol).await?;
    write_frame(&mut stream, body).await?;
    stream.close().await?;
    let mut answer = read_frame(&mut stream).await?;
    match answer.first() {
        Some(0) => Ok(answer.split_off(1)),
        Some(_) => Err(format!("refused: {}", String::from_utf8_lossy(&answer[1..])).into()),
        None => Err("an empty answer".into()),
    }
}

/// A blob from a peer, every chunk and the whole checked.
pub async fn fetch(mut control: Control, peer: PeerId, digest: &[u8]) -> Outcome<Vec<u8>> {
    let described = request(&mut control, peer, HASHES, digest).await?;
    let size = u64::from_be_bytes(described[..8].try_into()?) as usize;
    let mut whole = Vec::with_capacity(size);
    while whole.len() < size {
        let mut body = digest.to_vec();
        body.extend((whole.len() as u64).to_be_bytes());
        body.extend((MIB as u32).to_be_bytes());
        let chunk = request(&mut control, peer, BLOB, &body).await?.split_off(8);
        let expected = &described[8 + 32 * (whole.len() / MIB)..][..32];
        if Sha256::digest(&chunk).as_slice() != expected {
            return Err(format!("chunk at {} is wrong", whole.len()).into());
        }
        whole.extend(chunk);
    }
    if Sha256::digest(&whole).as_slice() != digest {
        return Err("the whole does not hash to the digest".into());
    }
    Ok(whole)
}

/// Answer for one blob from now on; its digest.
pub fn serve(control: &mut Control, blob: Vec<u8>) -> Outcome<Vec<u8>> {
    let digest = Sha256::digest(&blob).to_vec();
    let mut hashes = (blob.len() as u64).to_be_bytes().to_vec();
    for chunk in blob.chunks(MIB) {
        hashes.extend(Sha256::digest(chunk));
    }
    let (blob, hashes, known) = (Arc::new(blob), Arc::new(hashes), Arc::new(digest.clone()));
    for protocol in [HASHES, BLOB] {
        let mut incoming = control.accept(protocol.clone())?;
        let (blob, hashes, known) = (blob.clone(), hashes.clone(), known.clone());
        tokio::task::spawn_local(async move {
            while let Some((_, mut stream)) = incoming.next().await {
                let (blob, hashes, known) = (blob.clone(), hashes.clone(), known.clone());
                let whole = protocol == HASHES;
                tokio::task::spawn_local(async move {
                    let Ok(body) = read_frame(&mut stream).await else { return };
                    let mut answer = vec![0];
                    if body.len() < 32 || body[..32] != known[..] {
                        answer = b"\x02not kept here".to_vec();
                    } else if whole {
                        answer.extend(hashes.iter());
                    } else {
                        let number = |range: &[u8]| range.iter().fold(0, |value, byte| value << 8 | *byte as usize);
                        let start = number(&body[32..40]).min(blob.len());
                        answer.extend((blob.len() as u64).to_be_bytes());
                        answer.extend(&blob[start..(start + number(&body[40..44])).min(blob.len())]);
                    }
                    if write_frame(&mut stream, &answer).await.is_ok() {
                        let _ = stream.close().await;
                    }
                });
            }
        });
    }
    Ok(digest)
}
