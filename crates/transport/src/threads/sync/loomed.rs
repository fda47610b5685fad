//! Threads under loom, which lacks scopes.

use std::any::Any;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub(crate) use loom::cell::UnsafeCell;

/// As `std`'s. Whoever opens one joins all its threads before it ends, unless the model fails: then loom runs
/// none of them any further.
pub(crate) struct Scope<'scope, 'env: 'scope>(PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>);

/// A thread of a scope.
pub(crate) struct ScopedJoinHandle<'scope, R> {
    thread: loom::thread::JoinHandle<()>,
    value: Arc<Mutex<Option<R>>>,
    scope: PhantomData<&'scope ()>,
}

pub(crate) fn scope<'env, R>(body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R) -> R {
    body(&Scope(PhantomData))
}

/// Starts a thread that the scope will wait for.
pub(crate) fn spawn<'scope, R: Send + 'scope>(
    _scope: &'scope Scope<'scope, '_>,
    name: String,
    body: impl FnOnce() -> R + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, R>> {
    let value = Arc::new(Mutex::new(None));
    let put = {
        let value = Arc::clone(&value);
        move || {
            let result = body();
            // Loom never switches threads here, so nobody holds the lock.
            *value.lock().unwrap() = Some(result);
        }
    };
    let put: Box<dyn FnOnce() + Send + 'scope> = Box::new(put);
    // SAFETY: what the closure borrows outlives 'scope, and `Threads::run`, the one user, joins the thread
    // before its scope ends.
    #[allow(unsafe_code, reason = "loom lacks scoped threads")]
    let put: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(put) };
    // What a rank says when it fails is formatted on its stack; loom's own size is 32 KiB.
    let thread = loom::thread::Builder::new().name(name).stack_size(0x8000).spawn(put)?;
    Ok(ScopedJoinHandle { thread, value, scope: PhantomData })
}

impl<R> ScopedJoinHandle<'_, R> {
    pub(crate) fn join(self) -> std::thread::Result<R> {
        self.thread.join()?;
        Ok(self.value.lock().unwrap().take().expect("the thread has ended"))
    }
}

/// A panic in a model is loom's verdict on it, and has to reach loom. Ranks of models don't panic otherwise.
pub(crate) fn catch_unwind<R>(body: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    Ok(body())
}

/// Runs a model in every interleaving with at most so many preemptions (`None`: any number), and prints how
/// many these were. LOOM_MAX_PREEMPTIONS overrides the bound, for a longer search.
pub fn explore(name: &str, preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let (runs, start) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut builder = loom::model::Builder::new();
    let preemptions = builder.preemption_bound.or(preemptions);
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check({
        let runs = Arc::clone(&runs);
        move || {
            runs.fetch_add(1, Relaxed);
            model();
        }
    });
    let bound = preemptions.map_or("any number of".to_owned(), |bound| format!("up to {bound}"));
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {} interleavings with {bound} preemptions in {seconds:.1} s", runs.load(Relaxed));
}
