//! The way through the nodes, until one waits or it is over.
use serde_json::{Map, Value as Json};

use super::walk::{Leaving, Visit, Walk};
use crate::{
    compile::ExitId,
    effect::{Event, Guard, NodeIndex, Trouble},
    plan::OnErrorPlan,
    state::{Done, Frame, Vars},
    turn::{Next, Resume},
};

impl Walk<'_> {
    /// Starts a flow; what was live is over.
    pub(super) fn start(&mut self, flow: u32, vars: Vars, trigger: Option<&str>) {
        if self.state.is_live() {
            self.leave_waiting();
            self.end("replaced".to_owned());
        }
        let bot = self.bot;
        let Some(plan) = bot.flows.get(flow as usize) else { return self.note(Some(Trouble::NoFlow)) };
        let vars = self.fitting_vars(vars);
        self.state.version = bot.version;
        self.state.flow = Some(flow);
        self.state.steps = 0;
        self.state.done = None;
        self.state.heard_at = self.ctx.now;
        self.state.unanswered = 0;
        self.begin(plan.entry, vars);
        self.emit(Event::Started { flow: plan.id.clone(), trigger: trigger.map(str::to_owned) });
        let next = self.enter(plan.entry);
        self.go(next);
    }

    fn begin(&mut self, entry: u32, vars: Vars) {
        self.state.frames = vec![Frame { node: entry, scope: 0, visit: false }];
        self.state.scopes = vec![vars];
        self.kept = None;
        self.state.wait = None;
    }

    /// Gives something to the node that waits. Did it want it?
    pub(super) fn resume(&mut self, with: Resume<'_>) -> bool {
        let Some(frame) = self.state.frames.last() else { return false };
        let Some(node) = self.bot.nodes.get(frame.node as usize) else { return false };
        self.since = self.state.wait.as_ref().map(|wait| wait.since);
        match node.does.resume(&mut self.turn, with) {
            Next::Stay => {
                self.since = None;
                false
            }
            next => {
                let former = self.state.wait.take();
                self.go(match (next, with) {
                    (Next::Wait(wait), Resume::Message(message)) => {
                        Next::Wait(wait.refusing(former, &message.id))
                    }
                    (next, _) => next,
                });
                true
            }
        }
    }

    /// Goes on until something waits or it is over.
    pub(super) fn go(&mut self, mut next: Next) {
        loop {
            if let Some(guard) = self.tripped.take() {
                next = self.trip(guard);
            }
            next = match next {
                Next::Exit(exit) => self.leave_by(exit),
                Next::Jump(node) => {
                    self.leave(Leaving::Over);
                    self.enter(node)
                }
                Next::Call { entry, own } => self.call(entry, own, false),
                Next::Return(values) => self.give_back(&values),
                Next::Wait(wait) => {
                    self.since = None;
                    self.state.wait = Some(wait);
                    return;
                }
                Next::Stay => return,
                Next::End(outcome) => {
                    self.leave(Leaving::Over);
                    return self.end(outcome);
                }
            };
        }
    }

    /// Into a node, in the top frame.
    pub(super) fn enter(&mut self, node: u32) -> Next {
        let bot = self.bot;
        let Some(frame) = self.state.frames.last_mut() else { return Next::Stay };
        frame.node = node;
        self.since = None;
        self.steps += 1;
        self.state.steps += 1;
        let limits = &bot.common.limits;
        if self.steps > limits.turn_steps {
            self.tripped = Some(Guard::TurnSteps);
        } else if self.state.steps > limits.session_steps {
            self.tripped = Some(Guard::SessionSteps);
        } else if self.visits.count(node) > limits.visits {
            self.tripped = Some(Guard::Visits);
        }
        if self.tripped.is_some() {
            return Next::Stay;
        }
        self.trace.push(Visit { at: NodeIndex(node), entered: true, leaving: Leaving::Stays, millis: 0 });
        match bot.nodes.get(node as usize) {
            Some(node) => node.does.enter(&mut self.turn),
            None => Next::End("failed".to_owned()),
        }
    }

    fn leave_by(&mut self, exit: ExitId) -> Next {
        self.leave(Leaving::Exit(exit.0));
        let node = self.state.frames.last().and_then(|frame| self.bot.nodes.get(frame.node as usize));
        let to = node.and_then(|node| node.exits.get(usize::from(exit.0))).and_then(|(_, to)| *to);
        match to {
            Some(node) => self.enter(node),
            None => Next::Return(Map::new()),
        }
    }

    /// Notes how the current node is left.
    pub(super) fn leave(&mut self, leaving: Leaving) {
        let Some(at) = self.at() else { return };
        let since = self.since.take();
        let millis = since.map_or(0, |since| u64::try_from(self.ctx.now.saturating_sub(since)).unwrap_or(0));
        match self.trace.last_mut() {
            Some(visit) if visit.at == at && visit.leaving == Leaving::Stays && since.is_none() => {
                visit.leaving = leaving;
            }
            _ => self.trace.push(Visit { at, entered: false, leaving, millis }),
        }
    }

    /// Calls a flow; `visit` when a command did.
    pub(super) fn call(&mut self, entry: u32, own: Option<Vars>, visit: bool) -> Next {
        if self.state.frames.len() >= self.bot.common.limits.depth {
            self.tripped = Some(Guard::Depth);
            return Next::Stay;
        }
        let scope = match own {
            Some(vars) => {
                let vars = self.fitting_vars(vars);
                self.state.scopes.push(vars);
                (self.state.scopes.len() - 1) as u16
            }
            None => self.state.frames.last().map_or(0, |frame| frame.scope),
        };
        self.state.frames.push(Frame { node: entry, scope, visit });
        self.enter(entry)
    }

    fn give_back(&mut self, values: &Map<String, Json>) -> Next {
        // A node that returns is left; one that fell off its flow was.
        if self.trace.last().is_some_and(|visit| visit.leaving == Leaving::Stays) {
            self.leave(Leaving::Over);
        }
        let visit = self.state.frames.pop().is_some_and(|frame| frame.visit);
        let Some(frame) = self.state.frames.last().copied() else {
            self.end("completed".to_owned());
            return Next::Stay;
        };
        let used = self.state.frames.iter().map(|frame| usize::from(frame.scope) + 1).max().unwrap_or(0);
        self.state.scopes.truncate(used);
        self.kept = None;
        match self.bot.nodes.get(frame.node as usize) {
            _ if visit => self.enter(frame.node),
            Some(node) => match node.does.resume(&mut self.turn, Resume::Back(values)) {
                // A damaged state: nothing there called it.
                Next::Stay => Next::End("failed".to_owned()),
                next => next,
            },
            None => Next::End("failed".to_owned()),
        }
    }

    /// What follows may do as much as a turn of its own.
    pub(super) fn refresh(&mut self) {
        (self.steps, self.sends) = (0, 0);
        self.visits.clear();
    }

    /// A guard was hit: the bot's `onError` takes over, and the second time it is over.
    fn trip(&mut self, guard: Guard) -> Next {
        let at = self.at();
        self.emit(Event::Guard { at, guard });
        if std::mem::replace(&mut self.failed, true) {
            return Next::End("failed".to_owned());
        }
        self.refresh();
        self.state.steps = 0;
        match &self.bot.on_error {
            OnErrorPlan::End => Next::End("failed".to_owned()),
            // Another flow would go on talking to nobody.
            OnErrorPlan::Flow(_) if guard == Guard::Unanswered => Next::End("failed".to_owned()),
            OnErrorPlan::Flow(flow) => {
                self.leave(Leaving::Over);
                let entry = self.bot.flows.get(*flow as usize).map_or(0, |flow| flow.entry);
                self.begin(entry, Vars::default());
                self.enter(entry)
            }
            OnErrorPlan::Handoff(queue) => {
                self.leave(Leaving::Dropped);
                self.hand_off(queue.clone(), String::new());
                self.end("failed".to_owned());
                self.state.paused = Some(self.ctx.now);
                Next::Stay
            }
        }
    }

    pub(super) fn end(&mut self, outcome: String) {
        self.state.frames.clear();
        self.state.scopes.clear();
        self.state.wait = None;
        self.state.queue.clear();
        self.since = None;
        self.emit(Event::Ended { outcome: outcome.clone() });
        self.state.done = Some(Done { outcome, at: self.ctx.now });
    }
}
