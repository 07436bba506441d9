//! The memory of a task: a pool of its own, as large as the cores it takes entitle it to.

use std::sync::{Arc, Weak};

use ballista_executor::runtime_cache::SessionRuntimeCache;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use springald_core::cache::BlockStore;

/// Gives each task a runtime with its own pool; stores, spill folder and caches of file footers are those
/// of the whole process.
#[derive(Debug)]
pub(crate) struct TaskMemory {
    base: Arc<RuntimeEnv>,
    pool: u64,
    cores: usize,
    cache: Arc<BlockStore>,
    /// Of the tasks that run, and of some that are over.
    pools: Mutex<Vec<Weak<FairSpillPool>>>,
}

impl TaskMemory {
    /// For the tasks of a worker of `cores`, which share `pool` bytes with what `cache` holds in memory.
    pub(crate) fn new(
        base: Arc<RuntimeEnv>,
        pool: u64,
        cores: usize,
        cache: Arc<BlockStore>,
    ) -> Self {
        Self {
            base,
            pool,
            cores: cores.max(1),
            cache,
            pools: Mutex::default(),
        }
    }

    /// Bytes that tasks have reserved now, together.
    pub(crate) fn reserved(&self) -> u64 {
        let pools = self.pools.lock();
        let reserved = pools.iter().filter_map(Weak::upgrade);
        reserved.map(|pool| pool.reserved() as u64).sum()
    }

    /// A runtime for a task that takes `cores` of this worker.
    pub(crate) fn runtime(&self, cores: u32) -> Result<Arc<RuntimeEnv>> {
        // What a task adds to the cache counts in its own pool until it ends.
        let free = self.pool.saturating_sub(self.cache.usage().memory) as usize;
        let bytes = (free / self.cores).saturating_mul(cores.max(1) as usize);
        let pool = Arc::new(FairSpillPool::new(bytes));
        {
            let mut pools = self.pools.lock();
            pools.retain(|pool| pool.strong_count() > 0);
            pools.push(Arc::downgrade(&pool));
        }
        RuntimeEnvBuilder::from_runtime_env(&self.base)
            .with_memory_pool(pool)
            .build_arc()
    }
}

impl SessionRuntimeCache for TaskMemory {
    fn produce_runtime(&self, _: &str, _: &SessionConfig, cores: u32) -> Result<Arc<RuntimeEnv>> {
        self.runtime(cores)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit};

    use super::*;

    #[test]
    fn pools_are_sized_by_cores_and_stores_are_shared() {
        let base = Arc::new(RuntimeEnv::default());
        let cache = BlockStore::new(1000, None);
        let memory = TaskMemory::new(Arc::clone(&base), 4000, 4, cache);
        for (cores, bytes) in [(0, 1000), (1, 1000), (3, 3000)] {
            let runtime = memory
                .produce_runtime("s", &SessionConfig::new(), cores)
                .unwrap();
            let MemoryLimit::Finite(limit) = runtime.memory_pool.memory_limit() else {
                panic!("no limit");
            };
            assert_eq!(limit, bytes);
            assert!(Arc::ptr_eq(
                &runtime.object_store_registry,
                &base.object_store_registry
            ));
            assert!(Arc::ptr_eq(&runtime.disk_manager, &base.disk_manager));
            let reservation = MemoryConsumer::new("test").register(&runtime.memory_pool);
            reservation.try_grow(10).unwrap();
            assert_eq!(memory.reserved(), 10);
        }
        assert_eq!(memory.reserved(), 0);
    }
}
