//! The allocator of every program here, and what it is told of freed memory.

use std::ffi::c_long;

use libmimalloc_sys::{_mi_option_last, mi_collect, mi_option_set, mi_option_t};
use mimalloc::MiMalloc;
use parking_lot::Mutex;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// An option, and what it is called in the environment, which has the last word. The binding does not name these two;
/// options are numbered, so another count of them may mean other numbers.
const PURGE_DELAY: (mi_option_t, &str) = (15, "MIMALLOC_PURGE_DELAY");
const ARENA_MAX_OBJECT_SIZE: (mi_option_t, &str) = (45, "MIMALLOC_ARENA_MAX_OBJECT_SIZE");
const _: () = assert!(_mi_option_last == 47);

static STATE: Mutex<State> = Mutex::new(State {
    delay_ms: 1_000,
    scarce: false,
    cached: 0,
});

struct State {
    /// Until freed memory goes back to the system, where it is not scarce.
    delay_ms: c_long,
    scarce: bool,
    /// Instances of [`Cached`].
    cached: usize,
}

impl State {
    fn apply(&self) {
        set(PURGE_DELAY, if self.scarce { 0 } else { self.delay_ms });
        // Larger objects come from the system and go back to it when they are freed. In KiB.
        let alone = self.scarce || self.cached > 0;
        set(ARENA_MAX_OBJECT_SIZE, if alone { 512 } else { 2 << 20 });
    }
}

/// Has the process keep freed memory for up to ten minutes instead of a second: to get it again costs more than most
/// that is done with it (docs/performance.md). For a process that has a limit and looks after it.
pub fn keep_freed() {
    let mut state = STATE.lock();
    state.delay_ms = 600_000;
    state.apply();
}

/// Whether freed memory goes back at once from now on, and with it what was freed before.
pub fn give_back(scarce: bool) {
    let mut state = STATE.lock();
    if scarce {
        // Before the delay is 0: mimalloc then takes nothing to be waiting.
        collect();
    }
    state.scarce = scarce;
    state.apply();
}

/// While there is one, objects of more than 512 KiB come from the system. Where rows that stay lie between what is read
/// and freed for them, an eighth of the memory is lost in gaps; but to have this always would make queries slower by a
/// twentieth (docs/performance.md).
#[derive(Debug)]
pub(crate) struct Cached(());

impl Cached {
    pub(crate) fn new() -> Self {
        let mut state = STATE.lock();
        state.cached += 1;
        state.apply();
        Self(())
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        let mut state = STATE.lock();
        state.cached -= 1;
        state.apply();
    }
}

#[allow(
    unsafe_code,
    reason = "mimalloc reads its environment before `main`, so a program sets it by calls into C"
)]
fn set((option, name): (mi_option_t, &str), value: c_long) {
    if std::env::var_os(name).is_none() {
        // SAFETY: stores a number in a table whose length is asserted above. It is an aligned word, which threads that
        // allocate meanwhile read as it was or as it is, and either is right for them.
        unsafe { mi_option_set(option, value) }
    }
}

/// Gives all that is freed by now back to the system.
#[allow(unsafe_code, reason = "a call into C")]
pub fn collect() {
    // SAFETY: may be called by any thread at any time.
    unsafe { mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::resident_memory;

    fn filled() -> Vec<Vec<u8>> {
        (0..256).map(|_| vec![1; 1 << 20]).collect()
    }

    /// Whether about 256 MiB are given back by this. Other tests run beside this one.
    fn gives_back(work: impl FnOnce()) -> bool {
        let before = resident_memory();
        work();
        before.saturating_sub(resident_memory()) > 192 << 20
    }

    #[test]
    fn freed_memory_stays_until_it_is_scarce() {
        keep_freed();
        let kept = filled();
        assert!(!gives_back(|| drop(kept)));
        assert!(gives_back(|| give_back(true)));
        let freed = filled();
        assert!(gives_back(|| drop(freed)));
        give_back(false);

        let cached = Cached::new();
        let freed = filled();
        assert!(gives_back(|| drop(freed)));
        drop(cached);
    }
}
