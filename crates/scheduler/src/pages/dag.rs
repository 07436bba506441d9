//! Where the stages of a job stand in their drawing, and which way the rows go between them.
//!
//! ```text
//!  layer 0    layer 1    layer 2
//!  ┌───┐                 ┌───┐      A stage stands right of all that it reads, as near to its readers as that
//!  │ 1 ├──────────┐      │ 4 │      allows. A way over more than one layer keeps a place of its own in each, so
//!  └───┘  ┌───┐   └─────▶│   │      that it goes round the boxes. Places of a layer are put in the order of what
//!         │ 3 ├─────────▶│   │      they are joined with, to and fro, until few ways cross.
//!  ┌───┐  │   │          └───┘
//!  │ 2 ├─▶│   │
//!  └───┘  └───┘
//! ```

use std::collections::HashMap;

pub(super) const BOX_WIDTH: u32 = 172;
pub(super) const BOX_HEIGHT: u32 = 64;
/// Between two layers there is room for what is written on a way.
const LAYER_WIDTH: u32 = BOX_WIDTH + 116;
const PLACE_HEIGHT: u32 = BOX_HEIGHT + 26;
const MARGIN: u32 = 8;
/// Times the order of all layers is looked at from both sides.
const SWEEPS: usize = 6;

/// A drawing, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) boxes: Vec<Placed>,
    pub(super) ways: Vec<Way>,
}

/// The upper left corner of a stage's box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) stage: u32,
    pub(super) x: u32,
    pub(super) y: u32,
}

/// The way of the rows of one stage to another: points from the right of one box to the left of the other. Between the
/// first two, the next two and so on it bends; over each layer in between it goes straight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) points: Vec<(u32, u32)>,
}

/// A place in a layer: that of a stage, or of a way that goes on.
#[derive(Debug, Clone, Default)]
struct Place {
    layer: usize,
    /// Index of the stage.
    stage: Option<usize>,
    left: Vec<usize>,
    right: Vec<usize>,
    /// From the top of its layer.
    rank: usize,
}

/// Places stages, each given by its id and those that it reads. Inputs that are no stages are passed over, and so is
/// whatever would make a circle.
pub(super) fn drawing(stages: &[(u32, Vec<u32>)]) -> Drawing {
    let ways = edges(stages);
    let layers = layers(stages.len(), &ways);
    let mut places: Vec<Place> = (0..stages.len())
        .map(|stage| Place {
            layer: layers[stage],
            stage: Some(stage),
            ..Place::default()
        })
        .collect();
    let chains: Vec<Vec<usize>> = ways
        .iter()
        .map(|(from, to)| chain(&mut places, *from, *to))
        .collect();
    let order = ordered(&mut places);
    positioned(stages, &ways, &places, &chains, &order)
}

/// `(input, reader)` by index, each once.
fn edges(stages: &[(u32, Vec<u32>)]) -> Vec<(usize, usize)> {
    let index: HashMap<u32, usize> = stages
        .iter()
        .enumerate()
        .map(|(at, (id, _))| (*id, at))
        .collect();
    let mut edges: Vec<(usize, usize)> = vec![];
    for (to, (_, inputs)) in stages.iter().enumerate() {
        for input in inputs {
            if let Some(from) = index.get(input)
                && !edges.contains(&(*from, to))
                && !reaches(&edges, to, *from)
            {
                edges.push((*from, to));
            }
        }
    }
    edges
}

/// Whether rows of `from` come to `to`.
fn reaches(edges: &[(usize, usize)], from: usize, to: usize) -> bool {
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(here) = seen.get(at).copied() {
        if here == to {
            return true;
        }
        for (_, next) in edges.iter().filter(|(start, _)| *start == here) {
            if !seen.contains(next) {
                seen.push(*next);
            }
        }
        at += 1;
    }
    false
}

/// The layer of each stage, 0 at the left.
fn layers(stages: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0usize; stages];
    // Without circles, no way is longer than there are stages.
    for _ in 0..stages {
        for (from, to) in edges {
            layers[*to] = layers[*to].max(layers[*from] + 1);
        }
    }
    // What is read late need not stand far left.
    for _ in 0..stages {
        for at in 0..stages {
            let readers = edges.iter().filter(|(from, _)| *from == at);
            if let Some(nearest) = readers.map(|(_, to)| layers[*to]).min() {
                layers[at] = layers[at].max(nearest.saturating_sub(1));
            }
        }
    }
    layers
}

/// Joins two stages, with places in the layers between them; gives all places of the way.
fn chain(places: &mut Vec<Place>, from: usize, to: usize) -> Vec<usize> {
    let mut chain = vec![from];
    let mut last = from;
    for layer in places[from].layer + 1..places[to].layer {
        let place = places.len();
        places.push(Place {
            layer,
            ..Place::default()
        });
        join(places, last, place);
        chain.push(place);
        last = place;
    }
    join(places, last, to);
    chain.push(to);
    chain
}

fn join(places: &mut [Place], left: usize, right: usize) {
    places[left].right.push(right);
    places[right].left.push(left);
}

/// The places of each layer from the top down, so that joined ones are about level.
fn ordered(places: &mut [Place]) -> Vec<Vec<usize>> {
    let count = places
        .iter()
        .map(|place| place.layer + 1)
        .max()
        .unwrap_or(0);
    let mut order = vec![vec![]; count];
    for (at, place) in places.iter().enumerate() {
        order[place.layer].push(at);
    }
    for layer in &order {
        rank(places, layer);
    }
    for sweep in 0..2 * SWEEPS {
        let from_left = sweep % 2 == 0;
        for step in 0..count {
            let layer = if from_left { step } else { count - 1 - step };
            let mut weighed: Vec<(f64, usize)> = order[layer]
                .iter()
                .map(|at| (height(places, &order, *at, from_left), *at))
                .collect();
            // Stable: what is level stays in its order.
            weighed.sort_by(|a, b| a.0.total_cmp(&b.0));
            order[layer] = weighed.into_iter().map(|(_, at)| at).collect();
            rank(places, &order[layer]);
        }
    }
    order
}

fn rank(places: &mut [Place], layer: &[usize]) {
    for (rank, at) in layer.iter().enumerate() {
        places[*at].rank = rank;
    }
}

/// Where a place would best stand, between 0 and 1 of its layer.
fn height(places: &[Place], order: &[Vec<usize>], at: usize, from_left: bool) -> f64 {
    let place = &places[at];
    let joined = if from_left { &place.left } else { &place.right };
    let relative = |at: usize| {
        let place = &places[at];
        (place.rank as f64 + 0.5) / order[place.layer].len().max(1) as f64
    };
    match joined.len() {
        0 => relative(at),
        n => joined.iter().map(|at| relative(*at)).sum::<f64>() / n as f64,
    }
}

fn positioned(
    stages: &[(u32, Vec<u32>)],
    edges: &[(usize, usize)],
    places: &[Place],
    chains: &[Vec<usize>],
    order: &[Vec<usize>],
) -> Drawing {
    let tallest = order.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let x = |place: &Place| MARGIN + place.layer as u32 * LAYER_WIDTH;
    // Short layers stand in the middle of the tallest.
    let y = |place: &Place| {
        let missing = tallest - order[place.layer].len() as u32;
        MARGIN + place.rank as u32 * PLACE_HEIGHT + missing * PLACE_HEIGHT / 2
    };
    let boxes = places
        .iter()
        .filter_map(|place| {
            Some(Placed {
                stage: stages[place.stage?].0,
                x: x(place),
                y: y(place),
            })
        })
        .collect();
    let ways = edges
        .iter()
        .zip(chains)
        .map(|((from, to), chain)| {
            let mut points = vec![];
            for (at, place) in chain.iter().map(|at| &places[*at]).enumerate() {
                let middle = y(place) + BOX_HEIGHT / 2;
                if at > 0 {
                    points.push((x(place), middle));
                }
                if at + 1 < chain.len() {
                    points.push((x(place) + BOX_WIDTH, middle));
                }
            }
            Way {
                from: stages[*from].0,
                to: stages[*to].0,
                points,
            }
        })
        .collect();
    let columns = order.len() as u32;
    Drawing {
        width: (columns * LAYER_WIDTH).saturating_sub(LAYER_WIDTH - BOX_WIDTH) + 2 * MARGIN,
        height: (tallest * PLACE_HEIGHT).saturating_sub(PLACE_HEIGHT - BOX_HEIGHT) + 2 * MARGIN,
        boxes,
        ways,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stages: &[(u32, Vec<u32>)]) -> Drawing {
        let drawing = drawing(stages);
        assert_eq!(drawing.boxes.len(), stages.len());
        for (at, one) in drawing.boxes.iter().enumerate() {
            assert!(one.x + BOX_WIDTH <= drawing.width && one.y + BOX_HEIGHT <= drawing.height);
            for other in &drawing.boxes[..at] {
                let apart =
                    one.x.abs_diff(other.x) >= BOX_WIDTH || one.y.abs_diff(other.y) >= BOX_HEIGHT;
                assert!(apart, "{one:?} {other:?}");
            }
        }
        let of = |stage| *drawing.boxes.iter().find(|b| b.stage == stage).unwrap();
        for way in &drawing.ways {
            let (from, to) = (of(way.from), of(way.to));
            assert!(from.x < to.x, "rows go to the right: {way:?}");
            assert_eq!(
                *way.points.first().unwrap(),
                (from.x + BOX_WIDTH, from.y + BOX_HEIGHT / 2)
            );
            assert_eq!(*way.points.last().unwrap(), (to.x, to.y + BOX_HEIGHT / 2));
            assert_eq!(way.points.len() % 2, 0);
            // Where it goes straight over a layer, nothing stands.
            for pair in way.points[1..way.points.len() - 1].chunks(2) {
                for b in &drawing.boxes {
                    let hit = pair[0].0 == b.x && pair[0].1 > b.y && pair[0].1 < b.y + BOX_HEIGHT;
                    assert!(!hit, "{way:?} goes through {b:?}");
                }
            }
        }
        drawing
    }

    #[test]
    fn nothing_and_one() {
        let none = check(&[]);
        assert_eq!((none.width, none.height), (2 * MARGIN, 2 * MARGIN));
        let one = check(&[(7, vec![])]);
        assert_eq!(one.width, BOX_WIDTH + 2 * MARGIN);
        assert_eq!(one.height, BOX_HEIGHT + 2 * MARGIN);
    }

    #[test]
    fn a_chain_is_level() {
        let drawing = check(&[(1, vec![]), (2, vec![1]), (3, vec![2])]);
        assert!(drawing.boxes.iter().all(|b| b.y == drawing.boxes[0].y));
        assert_eq!(drawing.ways.len(), 2);
    }

    #[test]
    fn long_ways_go_round() {
        let drawing = check(&[(1, vec![]), (2, vec![1]), (3, vec![2]), (4, vec![3, 1])]);
        let long = drawing.ways.iter().find(|way| (way.from, way.to) == (1, 4));
        assert_eq!(long.unwrap().points.len(), 6);
    }

    #[test]
    fn inputs_stand_near_their_reader() {
        let drawing = check(&[
            (1, vec![]),
            (2, vec![1]),
            (3, vec![2]),
            (4, vec![]),
            (5, vec![3, 4]),
        ]);
        let x = |stage| drawing.boxes.iter().find(|b| b.stage == stage).unwrap().x;
        assert_eq!(x(4), x(3));
    }

    #[test]
    fn ways_do_not_cross_where_they_need_not() {
        // Each reader reads the scans that are farther from it in the order of ids.
        let drawing = check(&[
            (1, vec![]),
            (2, vec![]),
            (3, vec![2]),
            (4, vec![1]),
            (5, vec![3, 4]),
        ]);
        let y = |stage| drawing.boxes.iter().find(|b| b.stage == stage).unwrap().y;
        assert_eq!(y(1) < y(2), y(4) < y(3));
    }

    #[test]
    fn what_is_no_graph_is_drawn_all_the_same() {
        check(&[(1, vec![9, 1]), (2, vec![1, 1])]);
        let circle = check(&[(1, vec![3]), (2, vec![1]), (3, vec![2])]);
        assert_eq!(circle.ways.len(), 2);
    }

    #[test]
    fn many_stages() {
        let stages: Vec<(u32, Vec<u32>)> = (0..60)
            .map(|id| {
                let inputs = (1..=3).map(|step| id * step / 4).filter(|at| *at < id);
                (id, inputs.collect())
            })
            .collect();
        check(&stages);
    }
}
