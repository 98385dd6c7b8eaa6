//! Counts what each thread holds, and ends the process where one holds too much.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static LIMIT: Cell<isize> = const { Cell::new(isize::MAX) };
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

fn account(change: isize) -> bool {
    let held = HELD.with(|h| {
        h.set(h.get() + change);
        h.get()
    });
    PEAK.with(|p| p.set(p.get().max(held)));
    let fits = held <= LIMIT.with(Cell::get);
    if !fits {
        // What follows is an abort, which could not say so.
        LIMIT.with(|l| l.set(isize::MAX));
        eprintln!("input {} holds too much memory", NUMBER.with(Cell::get));
    }
    fits
}

// SAFETY: every call goes to the system's allocator as it is; a refused one is null, as the trait allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !account(layout.size() as isize) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !account(layout.size() as isize) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        account(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that this thread may hold for an input, beyond what it holds. An allocation beyond that aborts.
pub fn limit(bytes: usize, number: u64) {
    NUMBER.with(|n| n.set(number));
    let held = HELD.with(Cell::get);
    PEAK.with(|p| p.set(held));
    LIMIT.with(|l| l.set(held.saturating_add(bytes as isize)));
}

/// Lifts the limit; the most bytes held since it was set.
pub fn peak() -> usize {
    LIMIT.with(|l| l.set(isize::MAX));
    (PEAK.with(Cell::get) - HELD.with(Cell::get)).max(0) as usize
}
