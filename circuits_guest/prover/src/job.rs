//! A job folder: the request, what each finished step left, and the proof.
//!
//! Every file is written to a temporary name and renamed, so that a job killed at any moment resumes with
//! the steps that were finished.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{ensure, Context, Result};
use p2pnode_batch::{journal, Digest, Message, Tree, JOURNAL_BYTES, MAX_BYTES, MAX_TASKS};
use p2pnode_onnx::engine::Recorder;
use p2pnode_onnx::{decode_tensors, encode_tensors, Error, Model, Session};
use risc0_zkvm::ExecutorEnv;
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    model: PathBuf,
    tasks: Vec<RequestedTask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestedTask {
    task_id: String,
    tensors: PathBuf,
}

pub struct Task {
    pub id: Digest,
    pub input: Vec<u8>,
}

/// One model and its tasks, read and checked.
pub struct Batch {
    pub model: Vec<u8>,
    pub tasks: Vec<Task>,
}

/// What a batch comes to when it is run natively: the guest must commit the same journal.
pub struct NativeRun {
    pub journal: [u8; JOURNAL_BYTES],
    pub outputs: Vec<Vec<u8>>,
}

/// Most words of claims that a task holds before its input.
const CLAIMS_TOGETHER: usize = 2048;

/// How the files of finished steps begin.
const STEPS: [&str; 6] = ["run-", "segment-", "lift-", "join-", "compressed", "wrapped"];

pub struct Job {
    dir: PathBuf,
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

fn read_capped(path: &Path, what: &str) -> Result<Vec<u8>> {
    let size = fs::metadata(path).with_context(|| format!("{what}: cannot read {}", path.display()))?.len();
    ensure!(size <= MAX_BYTES as u64, "{what} has {size} bytes, the limit is {MAX_BYTES}");
    fs::read(path).with_context(|| format!("{what}: cannot read {}", path.display()))
}

impl Job {
    pub fn open(dir: PathBuf) -> Result<Job> {
        ensure!(dir.is_dir(), "the job folder {} does not exist", dir.display());
        Ok(Job { dir })
    }

    /// Reads `request.json` and the files it names (relative to the folder unless absolute).
    pub fn batch(&self) -> Result<Batch> {
        let path = self.dir.join("request.json");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let request: Request = serde_json::from_str(&text).context("request.json")?;
        let count = request.tasks.len();
        ensure!(
            (1..=MAX_TASKS).contains(&count),
            "request.json: tasks: a batch has 1 to {MAX_TASKS}, not {count}"
        );
        let tasks = request
            .tasks
            .iter()
            .enumerate()
            .map(|(i, task)| {
                let id = hex::decode(task.task_id.trim_start_matches("0x"))
                    .ok()
                    .and_then(|id| id.try_into().ok().map(Digest::from_bytes))
                    .with_context(|| format!("tasks[{i}].task_id: 32 bytes in hex are needed"))?;
                let input = read_capped(&self.dir.join(&task.tensors), &format!("tasks[{i}].tensors"))?;
                Ok(Task { id, input })
            })
            .collect::<Result<_>>()?;
        Ok(Batch { model: read_capped(&self.dir.join(&request.model), "model")?, tasks })
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let partial = self.dir.join(format!("{name}.partial"));
        fs::write(&partial, bytes).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, self.dir.join(name)).with_context(|| format!("cannot write {name}"))
    }

    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        self.write(name, &serde_json::to_vec_pretty(value)?)
    }

    /// Forgets the steps of an earlier run unless they belong to `key`: this image, journal and segment size.
    pub fn keep_steps_of(&self, key: &str) -> Result<()> {
        if fs::read_to_string(self.dir.join("steps.key")).is_ok_and(|earlier| earlier == key) {
            return Ok(());
        }
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".bin") && STEPS.iter().any(|step| name.starts_with(step)) {
                fs::remove_file(self.dir.join(&name)).with_context(|| format!("cannot remove {name}"))?;
            }
        }
        self.write("steps.key", key.as_bytes())
    }

    /// What `make` left in `name` in an earlier run, else what it makes now.
    ///
    /// `usable` guards against a damaged file: anything it refuses is made again.
    pub fn remember<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        usable: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let earlier = fs::read(self.dir.join(name)).ok().and_then(|bytes| bincode::deserialize(&bytes).ok());
        if let Some(value) = earlier.filter(usable) {
            return Ok(value);
        }
        let value = make()?;
        self.write(name, &bincode::serialize(&value)?)?;
        Ok(value)
    }
}

impl Batch {
    /// Runs the batch with the interpreter that the guest contains.
    pub fn run(&self) -> Result<NativeRun> {
        let model = Model::parse(&self.model).map_err(|e| anyhow::anyhow!("model: {e}"))?;
        let model_digest = sha256(&self.model);
        let mut tree = Tree::new(|message: &mut Message| sha256(message.bytes()));
        let mut leaves = Vec::with_capacity(self.tasks.len());
        let mut outputs = Vec::with_capacity(self.tasks.len());
        for (i, task) in self.tasks.iter().enumerate() {
            let output = interpret(&model, &task.input).map_err(|e| anyhow::anyhow!("tasks[{i}]: {e}"))?;
            leaves.push(tree.leaf(&task.id, &model_digest, &sha256(&task.input), &sha256(&output)));
            outputs.push(output);
        }
        let journal = journal(self.tasks.len() as u32, &tree.root(leaves));
        Ok(NativeRun { journal, outputs })
    }

    /// What the guest runs on.
    pub fn environment(&self, segment_po2: u32) -> Result<ExecutorEnv<'static>> {
        ExecutorEnv::builder().write_slice(&self.words()?).segment_limit_po2(segment_po2).build()
    }

    /// The guest's input, framed as guest/src/main.rs reads it.
    pub fn words(&self) -> Result<Vec<u32>> {
        let model = Model::parse(&self.model).map_err(|e| anyhow::anyhow!("model: {e}"))?;
        let mut recorder = Recorder::default();
        let mut session = Session::new(&model, self.tasks.len(), &mut recorder);
        let of_model = std::mem::take(&mut recorder.claims);
        let mut claims = Vec::with_capacity(self.tasks.len());
        for (i, task) in self.tasks.iter().enumerate() {
            session.run(&task.input, &mut recorder).map_err(|e| anyhow::anyhow!("tasks[{i}]: {e}"))?;
            claims.push(std::mem::take(&mut recorder.claims));
        }
        // Many claims are read one product's after the other, into the same memory: each page costs the guest.
        let together = |i: usize| if claims[i].len() <= CLAIMS_TOGETHER { claims[i].as_slice() } else { &[] };
        let numbers = |i: usize| match self.tasks.get(i) {
            Some(task) => [together(i).len() as u32, task.input.len() as u32],
            None => [0, 0],
        };
        let mut words = vec![self.model.len() as u32, self.tasks.len() as u32];
        words.extend(numbers(0));
        push_padded(&mut words, &self.model);
        words.extend(of_model);
        for (i, task) in self.tasks.iter().enumerate() {
            push_padded(&mut words, &task.id.to_bytes());
            words.extend(numbers(i + 1));
            words.extend(together(i));
            push_padded(&mut words, &task.input);
            if together(i).is_empty() {
                words.extend(&claims[i]);
            }
        }
        Ok(words)
    }
}

/// One task by the interpreter alone, which is what the guest's plans must agree with.
fn interpret(model: &Model, tensors: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(encode_tensors(&model.run(&decode_tensors(tensors)?)?))
}

fn push_padded(words: &mut Vec<u32>, bytes: &[u8]) {
    words.extend(bytes.chunks(4).map(|chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(word)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        let dir = std::env::temp_dir().join(format!("p2pnode-prover-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Job::open(dir).unwrap()
    }

    #[test]
    fn finished_steps_are_remembered_for_their_own_request_only() {
        let job = job("steps");
        job.keep_steps_of("a").unwrap();
        assert_eq!(job.remember("segment-0.bin", |_| true, || Ok(1u32)).unwrap(), 1);
        job.keep_steps_of("a").unwrap();
        assert_eq!(job.remember("segment-0.bin", |_| true, || Ok(2u32)).unwrap(), 1);
        assert_eq!(job.remember("segment-0.bin", |&old| old != 1, || Ok(3u32)).unwrap(), 3);
        job.keep_steps_of("b").unwrap();
        assert_eq!(job.remember("segment-0.bin", |_| true, || Ok(4u32)).unwrap(), 4);
        fs::remove_dir_all(&job.dir).unwrap();
    }

    #[test]
    fn bad_requests_name_the_field() {
        let job = job("requests");
        for (request, field) in [
            ("no json", "request.json"),
            (r#"{"model": "m", "tasks": []}"#, "tasks"),
            (r#"{"model": "m", "tasks": [{"task_id": "00", "tensors": "t"}]}"#, "task_id"),
            (r#"{"model": "m", "tasks": [], "more": 1}"#, "more"),
        ] {
            fs::write(job.dir.join("request.json"), request).unwrap();
            let error = format!("{:#}", job.batch().err().unwrap());
            assert!(error.contains(field), "{error}");
        }
        fs::remove_dir_all(&job.dir).unwrap();
    }
}
