//! Changed models and inputs, any number of them: each gets an answer or an error of the crate's own type.
//!
//! Not part of a plain `cargo test`, as it needs overflow checks in an optimised build:
//!
//! ```text
//! cargo test --profile fuzz -p p2pnode-onnx --test fuzz
//! ```
//!
//! An input follows from its number alone. `P2PNODE_FUZZ_INPUTS` says how many run (100,000; with
//! `P2PNODE_DEEP` a million), `P2PNODE_FUZZ_FIRST` where they begin. A failure names the number, and the
//! file is written beside the test, so that `P2PNODE_FUZZ_FIRST=N P2PNODE_FUZZ_INPUTS=1` repeats it. An
//! input that panics, holds more memory than the limits of the interpreter allow, or takes too long fails.

mod alloc;
mod mutate;
mod tree;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use mutate::{Parts, Random};
use p2pnode_onnx::engine::Recorder;
use p2pnode_onnx::{decode_tensors, encode_tensors, Model, NamedTensor, Session};
use tree::{Kind, Message};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

/// A run computes at most 2^27 elements of at most 8 bytes.
const MEMORY: usize = 1 << 30;
const SECONDS: u64 = 30;
const BATCH: u64 = 256;

struct Seed {
    model: Message,
    inputs: Vec<u8>,
}

/// `u32 length | model | u32 length | inputs` after each other; `tests/unit/onnx_corpus.py` writes it.
fn corpus() -> Vec<Seed> {
    let mut rest: &[u8] = include_bytes!("corpus.bin");
    let mut take = || {
        let (len, tail) = rest.split_first_chunk::<4>().expect("a length");
        let (content, tail) = tail.split_at(u32::from_le_bytes(*len) as usize);
        rest = tail;
        (content, rest.is_empty())
    };
    let mut out = Vec::new();
    loop {
        let (model, inputs) = (take().0, take());
        let model = Message::read(Kind::Model, model).expect("a model of the corpus reads");
        out.push(Seed { model, inputs: inputs.0.to_vec() });
        if inputs.1 {
            return out;
        }
    }
}

/// What one number stands for.
fn case(number: u64, corpus: &[Seed], parts: &Parts) -> (Vec<u8>, Vec<u8>, Random) {
    let mut random = Random::new(number);
    let seed = &corpus[random.below(corpus.len())];
    let (mut message, mut inputs) = (seed.model.clone(), seed.inputs.clone());
    // The first of the numbers show that the corpus itself runs.
    if number < corpus.len() as u64 {
        let seed = &corpus[number as usize];
        return (seed.model.write(), seed.inputs.clone(), random);
    }
    let how = random.below(16);
    if how > 1 {
        mutate::model(&mut message, parts, &mut random);
    }
    let mut model = message.write();
    match how {
        0 | 1 => mutate::bytes(&mut inputs, &mut random),
        2 | 3 => mutate::bytes(&mut model, &mut random),
        _ => {}
    }
    (model, inputs, random)
}

/// Whether it ran to the end, also where that end is an error.
fn attempt(model: &[u8], inputs: &[u8], random: &mut Random) -> Outcome {
    let Ok(model) = Model::parse(model) else { return Outcome::Refused };
    let given = decode_tensors(inputs).unwrap_or_default();
    let found = run(&model, &given);
    let fitting = mutate::inputs(&model, random);
    let made = run(&model, &fitting);
    if found || made {
        Outcome::Answered
    } else {
        Outcome::Parsed
    }
}

/// Both ways to run a model give the same bytes.
fn run(model: &Model, inputs: &[NamedTensor]) -> bool {
    let encoded = encode_tensors(inputs);
    let expected = model.run(inputs).map(|outputs| encode_tensors(&outputs));
    let mut recorder = Recorder::default();
    let mut session = Session::new(model, 1, &mut recorder);
    let found = session.run(&encoded, &mut recorder);
    if let (Ok(found), Ok(expected)) = (&found, &expected) {
        assert!(*found == expected.as_slice(), "a session and the model itself answer differently");
        assert!(decode_tensors(found).is_ok(), "an answer does not read");
    }
    // Inputs beyond the caps of the encoding run, but do not read; else both refuse or neither.
    assert!(found.is_ok() == expected.is_ok() || decode_tensors(&encoded).is_err(), "one alone refuses");
    expected.is_ok()
}

enum Outcome {
    Refused,
    Parsed,
    Answered,
}

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")),
        Err(_) => default,
    }
}

fn main() {
    let deep = env::var("P2PNODE_DEEP").is_ok_and(|v| !v.is_empty());
    let first = setting("P2PNODE_FUZZ_FIRST", 0);
    let count = setting("P2PNODE_FUZZ_INPUTS", if deep { 1_000_000 } else { 100_000 });
    let corpus = corpus();
    let parts = Parts::of(&corpus.iter().map(|seed| seed.model.clone()).collect::<Vec<_>>());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(first);
    let counts: [AtomicU64; 3] = Default::default();
    let (failures, most) = (AtomicU64::new(0), AtomicU64::new(0));
    // Number and start (milliseconds) of what each worker runs, for the watch over its time.
    let running: Vec<[AtomicU64; 2]> = (0..workers).map(|_| Default::default()).collect();
    let started = Instant::now();
    let now = || started.elapsed().as_millis() as u64 + 1;
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    thread::scope(|scope| {
        let handles: Vec<_> = running
            .iter()
            .map(|slot| {
                let work = || loop {
                    let from = next.fetch_add(BATCH, Relaxed);
                    for number in from..(from + BATCH).min(first + count) {
                        slot[0].store(number, Relaxed);
                        slot[1].store(now(), Relaxed);
                        let (model, inputs, mut random) = case(number, &corpus, &parts);
                        alloc::limit(MEMORY, number);
                        let outcome =
                            catch_unwind(AssertUnwindSafe(|| attempt(&model, &inputs, &mut random)));
                        most.fetch_max(alloc::peak() as u64, Relaxed);
                        match outcome {
                            Ok(outcome) => drop(counts[outcome as usize].fetch_add(1, Relaxed)),
                            Err(_) => {
                                eprintln!("input {number} panics");
                                failures.fetch_add(1, Relaxed);
                                keep(number, &model, &inputs);
                            }
                        }
                    }
                    slot[1].store(0, Relaxed);
                    if from + BATCH >= first + count || failures.load(Relaxed) > 20 {
                        return;
                    }
                };
                scope.spawn(work)
            })
            .collect();
        while handles.iter().any(|handle| !handle.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            for slot in &running {
                let since = slot[1].load(Relaxed);
                if since > 0 && now().saturating_sub(since) > SECONDS * 1000 {
                    let number = slot[0].load(Relaxed);
                    eprintln!("input {number} takes more than {SECONDS} seconds");
                    let (model, inputs, _) = case(number, &corpus, &parts);
                    keep(number, &model, &inputs);
                    process::exit(1);
                }
            }
        }
    });
    let [refused, parsed, answered] = counts.map(AtomicU64::into_inner);
    let (seconds, most) = (started.elapsed().as_secs_f64(), most.into_inner() >> 20);
    let rate = (refused + parsed + answered) as f64 / seconds;
    println!(
        "{} models: {refused} refused, {parsed} refuse their inputs, {answered} answer; \
         {seconds:.1} s, {rate:.0} a second, at most {most} MiB",
        refused + parsed + answered
    );
    let runs_itself = first > 0 || answered >= corpus.len() as u64;
    if failures.into_inner() > 0 || !runs_itself {
        eprintln!("failed: an input panics, or the corpus does not run");
        process::exit(1);
    }
}

fn keep(number: u64, model: &[u8], inputs: &[u8]) {
    let folder = env::temp_dir();
    let write = |suffix: &str, content: &[u8]| {
        let path = folder.join(format!("p2pnode-fuzz-{number}.{suffix}"));
        fs::write(&path, content).map(|()| eprintln!("  see {}", path.display()))
    };
    if write("onnx", model).and_then(|()| write("inputs", inputs)).is_err() {
        eprintln!("  it could not be written to {}", folder.display());
    }
}
