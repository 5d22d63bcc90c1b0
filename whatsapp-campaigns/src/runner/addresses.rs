//! To which of a person's addresses a message goes.
use super::port::{Message, Sender, Submission};
use crate::{
    id::{MessageIds, RowId},
    outcome::Code,
    person,
};

/// The addresses of a row's person, each with the id that the message has there. The first is the message's own.
pub(super) fn of(ids: &MessageIds, row: RowId, message: &Message) -> Vec<(String, String)> {
    let others = person::forms(&message.to).into_iter().enumerate().skip(1);
    let others = others.filter_map(|(place, to)| Some((to, ids.id(row.at_address(place)?))));
    std::iter::once((message.to.clone(), message.id.clone())).chain(others).collect()
}

/// Hands a message over to the first address of the person that takes it. After a crash the same addresses are tried in
/// the same order, under the same ids. Where all refuse, the first answer counts: it is of the number of today.
pub(super) async fn submit(
    sender: &dyn Sender,
    message: Message,
    addresses: Vec<(String, String)>,
) -> Submission {
    let mut first = None;
    for (to, id) in addresses {
        let answer = sender.submit(Message { to, id, ..message.clone() }).await;
        match answer {
            // A message that was given up for want of an account is `Unsent` when it is handed over again.
            Submission::Refused { code: Code::NoAccount | Code::Unsent, .. } | Submission::NoConversation => {
                first.get_or_insert(answer);
            }
            _ => return answer,
        }
    }
    first.unwrap_or(Submission::Unknown)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use whatsapp_store::Content;

    use super::*;

    /// Has one account, and notes what it is asked for.
    struct Account(&'static str, Submission, Mutex<Vec<String>>);

    #[async_trait]
    impl Sender for Account {
        async fn submit(&self, message: Message) -> Submission {
            self.2.lock().unwrap().push(message.to.clone());
            if message.to == self.0 { Submission::Acked } else { self.1 }
        }
    }

    async fn sent(to: &str, account: &'static str, other: Submission) -> (Submission, usize) {
        let sender = Account(account, other, Mutex::default());
        let message =
            Message { id: "3EB0".into(), to: to.into(), content: Content::text("Hello"), may_begin: true };
        let ids = MessageIds::new(&[7; 32]);
        let row = RowId::new(1, 0, 1).unwrap();
        let addresses = of(&ids, row, &message);
        for (_, id) in &addresses[1..] {
            assert_eq!(ids.row(id).map(RowId::at_first_address), Some(row));
        }
        let answer = submit(&sender, message, addresses).await;
        let tried = sender.2.lock().unwrap().len();
        (answer, tried)
    }

    #[tokio::test]
    async fn the_address_that_has_an_account_is_found() {
        let none = Submission::Refused { code: Code::NoAccount, until: None };
        assert_eq!(sent("5531987654321", "553187654321", none).await, (Submission::Acked, 2));
        assert_eq!(sent("525512345678", "5215512345678", none).await, (Submission::Acked, 2));
        assert_eq!(sent("5531987654321", "5531987654321", none).await, (Submission::Acked, 1));
        assert_eq!(
            sent("5531987654321", "553187654321", Submission::NoConversation).await,
            (Submission::Acked, 2)
        );
        let given_up = Submission::Refused { code: Code::Unsent, until: None };
        assert_eq!(sent("5531987654321", "553187654321", given_up).await, (Submission::Acked, 2));
        assert_eq!(sent("5531987654321", "nobody", none).await, (none, 2));
        assert_eq!(sent("4915123456789", "nobody", none).await, (none, 1));
        let unknown = Submission::Unknown;
        assert_eq!(
            sent("5531987654321", "553187654321", unknown).await,
            (unknown, 1),
            "it may have been shown"
        );
    }
}
