//! Limited-memory quasi-Newton methods, step for step those of Breeze, which Spark ML minimises with.
//!
//! Without an L1 penalty this is L-BFGS with a search for the strong Wolfe conditions (Nocedal and Wright, "Numerical
//! Optimization", algorithms 3.5, 3.6 and 7.5), with one it is the orthant-wise variant (Andrew and Gao, "Scalable
//! Training of L1-Regularized Log-Linear Models", 2007) with a backtracking search. Constants, first steps and rules of
//! convergence are those of Breeze 2, so that a fit takes Spark's iterations and, where `max_iter` or a loose `tol`
//! ends it early, ends at Spark's point.

use std::collections::VecDeque;

/// Pairs of steps and changes of the gradient that are kept.
const MEMORY: usize = 10;
/// Values that must lie within the tolerance of the last one.
const RECENT: usize = 20;
/// No gradient has to get smaller than this.
const LEAST_GRADIENT: f64 = 1e-8;
/// What part of the slope a step has to win.
const SUFFICIENT: f64 = 1e-4;
/// What part of the slope may be left after a step.
const CURVATURE: f64 = 0.9;
const BACKTRACKS: usize = 20;
const STEPS: std::ops::RangeInclusive<f64> = 1e-10..=1e10;
const EXTENSIONS: usize = 10;
const ZOOMS: usize = 10;

/// A smooth function of a vector. What it answers may take a pass over data.
pub(crate) trait Objective: Sync {
    /// What else is learnt of a point on the way.
    type Detail: Clone + Send;
    type Error: Send;

    fn at(
        &self,
        x: &[f64],
    ) -> impl Future<Output = Result<Value<Self::Detail>, Self::Error>> + Send;
}

#[derive(Clone, Debug)]
pub(crate) struct Value<D> {
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
    pub(crate) detail: D,
}

/// How to minimise `f(x) + Σ l1ⱼ|xⱼ|`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuasiNewton<'a> {
    /// One entry for each of the variables.
    pub(crate) l1: &'a [f64],
    pub(crate) max_iter: usize,
    /// Minimising ends when the gradient's length is at most this part of the value, or the last 20 values are within
    /// this part of the first.
    pub(crate) tol: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Minimum<D> {
    pub(crate) x: Vec<f64>,
    pub(crate) detail: D,
    /// The values at the start and after each iteration; the last one is repeated where a search failed.
    pub(crate) history: Vec<f64>,
}

impl QuasiNewton<'_> {
    /// Begins at 0.
    pub(crate) async fn minimise<O: Objective>(
        &self,
        objective: &O,
    ) -> Result<Minimum<O::Detail>, O::Error> {
        let mut points = Points {
            objective,
            last: None,
        };
        let mut at = self.point(&mut points, vec![0.0; self.l1.len()]).await?;
        let first = at.objective.abs();
        let mut history = vec![at.objective];
        let mut recent = VecDeque::from([f64::INFINITY]);
        let mut memory = Memory::default();
        let (mut iteration, mut failed) = (0, false);
        while iteration < self.max_iter && !self.has_converged(&at, first, &recent) {
            match self.step(&mut points, &at, &memory, iteration == 0).await {
                Ok(next) => {
                    memory.push(
                        difference(&next.x, &at.x),
                        difference(&next.gradient, &at.gradient),
                    );
                    at = next;
                    recent.push_back(at.objective);
                    if recent.len() > RECENT {
                        recent.pop_front();
                    }
                    iteration += 1;
                    failed = false;
                    history.push(at.objective);
                }
                // Once more without what was learnt of the curvature.
                Err(Halt::NoStep) => {
                    memory = Memory::default();
                    history.push(at.objective);
                    if failed {
                        break;
                    }
                    failed = true;
                }
                Err(Halt::Objective(e)) => return Err(e),
            }
        }
        Ok(Minimum {
            x: at.x,
            detail: at.detail,
            history,
        })
    }

    fn has_l1(&self) -> bool {
        self.l1.iter().any(|l1| *l1 > 0.0)
    }

    fn has_converged<D>(&self, at: &Point<D>, first: f64, recent: &VecDeque<f64>) -> bool {
        let highest = recent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_still = recent.len() > 1 && (at.objective - highest).abs() <= self.tol * first;
        is_still || norm(&at.slope) <= LEAST_GRADIENT.max(self.tol * at.objective.abs())
    }

    async fn point<O: Objective>(
        &self,
        points: &mut Points<'_, O>,
        x: Vec<f64>,
    ) -> Result<Point<O::Detail>, O::Error> {
        let Value {
            value,
            gradient,
            detail,
        } = points.at(&x).await?;
        let mut objective = value;
        let mut slope = gradient.clone();
        for ((slope, x), l1) in slope.iter_mut().zip(&x).zip(self.l1) {
            if *l1 == 0.0 {
                continue;
            }
            objective += (l1 * x).abs();
            *slope = match *x {
                x if x > 0.0 => *slope + l1,
                x if x < 0.0 => *slope - l1,
                _ if *slope - l1 > 0.0 => *slope - l1,
                _ if *slope + l1 < 0.0 => *slope + l1,
                _ => 0.0,
            };
        }
        Ok(Point {
            x,
            value,
            gradient,
            objective,
            slope,
            detail,
        })
    }

    async fn step<O: Objective>(
        &self,
        points: &mut Points<'_, O>,
        at: &Point<O::Detail>,
        memory: &Memory,
        is_first: bool,
    ) -> Result<Point<O::Detail>, Halt<O::Error>> {
        let mut direction = memory.direction(&at.slope).ok_or(Halt::NoStep)?;
        let has_l1 = self.has_l1();
        if has_l1 {
            for (d, slope) in direction.iter_mut().zip(&at.slope) {
                let descends = *d * slope < 0.0;
                *d = if descends { *d } else { 0.0 };
            }
        }
        let mut ray = Ray {
            net: self,
            points,
            at,
            direction: &direction,
            has_l1,
        };
        let length = match has_l1 {
            true => {
                let start = if is_first {
                    0.5 / norm(&at.gradient)
                } else {
                    1.0
                };
                ray.backtrack(start, if is_first { 0.1 } else { 0.5 })
                    .await?
            }
            false => {
                let start = if is_first {
                    1.0 / norm(&direction)
                } else {
                    1.0
                };
                let length = ray.strong_wolfe(start).await?;
                if length * norm(&at.gradient) < *STEPS.start() {
                    return Err(Halt::NoStep);
                }
                length
            }
        };
        let x = ray.moved(length);
        self.point(points, x).await.map_err(Halt::Objective)
    }
}

/// Why there is no next point.
enum Halt<E> {
    NoStep,
    Objective(E),
}

/// The last point that was asked for is kept: searches end at it, and begin at it.
struct Points<'a, O: Objective> {
    objective: &'a O,
    last: Option<(Vec<f64>, Value<O::Detail>)>,
}

impl<O: Objective> Points<'_, O> {
    async fn at(&mut self, x: &[f64]) -> Result<Value<O::Detail>, O::Error> {
        if let Some((last, value)) = &self.last
            && last == x
        {
            return Ok(value.clone());
        }
        let value = self.objective.at(x).await?;
        self.last = Some((x.to_vec(), value.clone()));
        Ok(value)
    }
}

struct Point<D> {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// `value` with the L1 part.
    objective: f64,
    /// `gradient` with the L1 part: the least of the subgradients.
    slope: Vec<f64>,
    detail: D,
}

/// The half-line from a point along a direction.
struct Ray<'a, 'p, O: Objective> {
    net: &'a QuasiNewton<'a>,
    points: &'a mut Points<'p, O>,
    at: &'a Point<O::Detail>,
    direction: &'a [f64],
    has_l1: bool,
}

/// A place on a ray.
#[derive(Clone, Copy)]
struct Place {
    length: f64,
    value: f64,
    slope: f64,
}

impl<O: Objective> Ray<'_, '_, O> {
    fn moved(&self, length: f64) -> Vec<f64> {
        let from = self.at.x.iter().zip(self.direction).zip(&self.at.slope);
        from.map(|((x, d), slope)| {
            let moved = x + d * length;
            // With an L1 part a coordinate stays on the side where it is, or goes to.
            let side = if *x != 0.0 { *x } else { -slope };
            let crosses = side == 0.0 || side.is_sign_positive() != moved.is_sign_positive();
            if self.has_l1 && crosses { 0.0 } else { moved }
        })
        .collect()
    }

    async fn place(&mut self, length: f64) -> Result<Place, Halt<O::Error>> {
        let x = self.moved(length);
        let point = self.net.point(self.points, x).await;
        let point = point.map_err(Halt::Objective)?;
        Ok(Place {
            length,
            value: point.objective,
            slope: dot(&point.slope, self.direction),
        })
    }

    /// The first length that wins enough and leaves little of the slope.
    async fn backtrack(&mut self, start: f64, shrink: f64) -> Result<f64, Halt<O::Error>> {
        let origin = self.place(0.0).await?;
        let mut place = self.place(start).await?;
        // As in Breeze: the first comparison is with the value at the origin without its L1 part.
        place.value = self.at.value;
        for _ in 1..BACKTRACKS {
            let enough = origin.value + place.length * origin.slope * SUFFICIENT;
            let factor = if place.value > enough {
                shrink
            } else if place.slope < CURVATURE * origin.slope {
                2.1
            } else if place.slope > -CURVATURE * origin.slope {
                shrink
            } else {
                return Ok(place.length);
            };
            let length = place.length * factor;
            if !STEPS.contains(&length) {
                return Err(Halt::NoStep);
            }
            place = self.place(length).await?;
        }
        Ok(place.length)
    }

    async fn strong_wolfe(&mut self, start: f64) -> Result<f64, Halt<O::Error>> {
        let origin = self.place(0.0).await?;
        if origin.slope > 0.0 {
            return Err(Halt::NoStep);
        }
        let (mut low, mut length) = (origin, start);
        for turn in 0..EXTENSIONS {
            let place = self.place(length).await?;
            if !place.value.is_finite() {
                length /= 2.0;
                continue;
            }
            if !wins(&origin, &place) || (place.value >= low.value && turn > 0) {
                return self.zoom(&origin, low, place).await;
            }
            if place.slope.abs() <= CURVATURE * origin.slope.abs() {
                return Ok(place.length);
            }
            if place.slope >= 0.0 {
                return self.zoom(&origin, place, low).await;
            }
            low = place;
            length *= 1.5;
        }
        Err(Halt::NoStep)
    }

    async fn zoom(
        &mut self,
        origin: &Place,
        mut low: Place,
        mut high: Place,
    ) -> Result<f64, Halt<O::Error>> {
        for _ in 0..ZOOMS {
            let length = match low.length > high.length {
                true => cubic_minimum(&high, &low),
                false => cubic_minimum(&low, &high),
            };
            let place = self.place(length).await?;
            if !wins(origin, &place) || place.value >= low.value {
                high = place;
                continue;
            }
            if place.slope.abs() <= CURVATURE * origin.slope.abs() {
                return Ok(place.length);
            }
            if place.slope * (high.length - low.length) >= 0.0 {
                high = low;
            }
            low = place;
        }
        Err(Halt::NoStep)
    }
}

fn wins(origin: &Place, place: &Place) -> bool {
    place.value <= origin.value + SUFFICIENT * place.length * origin.slope
}

/// Where the cubic through two places with their slopes is least, kept from the ends.
fn cubic_minimum(left: &Place, right: &Place) -> f64 {
    let width = right.length - left.length;
    let a =
        left.slope + right.slope - 3.0 * (left.value - right.value) / (left.length - right.length);
    let b = (a * a - left.slope * right.slope).sqrt();
    let least = right.length - width * (right.slope + b - a) / (right.slope - left.slope + 2.0 * b);
    let (first, last) = (left.length + 0.1 * width, left.length + 0.9 * width);
    // A NaN stays one, and the search fails.
    if least < first {
        first
    } else if least > last {
        last
    } else {
        least
    }
}

/// The curvature seen in the last steps, the newest first.
#[derive(Default)]
struct Memory(VecDeque<(Vec<f64>, Vec<f64>)>);

impl Memory {
    fn push(&mut self, step: Vec<f64>, change: Vec<f64>) {
        self.0.push_front((step, change));
        self.0.truncate(MEMORY);
    }

    /// Minus the approximate inverse Hessian times `slope`; `None` where the steps seen tell of no minimum.
    fn direction(&self, slope: &[f64]) -> Option<Vec<f64>> {
        let mut direction = slope.to_vec();
        let mut factors = Vec::with_capacity(self.0.len());
        for (step, change) in &self.0 {
            let factor = dot(step, &direction) / dot(step, change);
            if factor.is_nan() {
                return None;
            }
            add(&mut direction, -factor, change);
            factors.push(factor);
        }
        if let Some((step, change)) = self.0.front() {
            let curvature = dot(step, change);
            if curvature < 0.0 || curvature.is_nan() {
                return None;
            }
            let scale = curvature / dot(change, change);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for ((step, change), factor) in self.0.iter().zip(factors).rev() {
            let turn = dot(change, &direction) / dot(step, change);
            add(&mut direction, factor - turn, step);
        }
        direction.iter_mut().for_each(|d| *d = -*d);
        Some(direction)
    }
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(t, w)| *t += factor * w);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::FutureExt;

    use super::*;

    /// `½ Σ cⱼ (xⱼ − tⱼ)²`
    struct Bowl {
        curvature: Vec<f64>,
        target: Vec<f64>,
    }

    impl Objective for Bowl {
        type Detail = ();
        type Error = Infallible;

        async fn at(&self, x: &[f64]) -> Result<Value<()>, Infallible> {
            let off = difference(x, &self.target);
            let gradient: Vec<f64> = off
                .iter()
                .zip(&self.curvature)
                .map(|(o, c)| o * c)
                .collect();
            Ok(Value {
                value: 0.5 * dot(&off, &gradient),
                gradient,
                detail: (),
            })
        }
    }

    fn minimise(bowl: &Bowl, l1: &[f64], max_iter: usize) -> Minimum<()> {
        let net = QuasiNewton {
            l1,
            max_iter,
            tol: 1e-12,
        };
        net.minimise(bowl).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn bowls_have_their_minimum_where_it_is() {
        let bowl = Bowl {
            curvature: vec![1.0, 4.0, 0.5],
            target: vec![2.0, -1.0, 0.1],
        };
        let found = minimise(&bowl, &[0.0; 3], 100);
        for (x, want) in found.x.iter().zip([2.0, -1.0, 0.1]) {
            assert!((x - want).abs() < 1e-7, "{:?}", found.x);
        }
        // Each coordinate's own: the target moved towards 0 by l1 / curvature.
        let found = minimise(&bowl, &[0.5; 3], 100);
        for (x, want) in found.x.iter().zip([1.5, -0.875, 0.0]) {
            assert!((x - want).abs() < 1e-7, "{:?}", found.x);
        }
        assert!(found.history.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn iterations_are_counted_and_limited() {
        let bowl = Bowl {
            curvature: vec![1.0, 100.0],
            target: vec![1.0, 1.0],
        };
        assert_eq!(minimise(&bowl, &[0.0; 2], 0).history.len(), 1);
        assert_eq!(minimise(&bowl, &[0.0; 2], 2).history.len(), 3);
        assert_eq!(minimise(&bowl, &[0.1; 2], 3).history.len(), 4);
        // A penalty that nothing is worth leaves the start.
        let found = minimise(&bowl, &[1000.0; 2], 100);
        assert_eq!((found.x, found.history.len()), (vec![0.0; 2], 1));
    }
}
