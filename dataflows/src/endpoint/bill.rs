//! The bill: what calls have cost, and what they may cost.

use std::str::FromStr;

use schemas::{Answer, Purpose, Request};

/// What tokens cost, in millionths of a currency unit for a million tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prices {
    tokens_in: u64,
    tokens_out: u64,
}

/// A sum of money in millionths of whatever currency the prices are in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub struct Cost(pub u64);

impl FromStr for Cost {
    type Err = String;

    fn from_str(text: &str) -> Result<Cost, String> {
        let malformed = || format!("\"{text}\" is no amount such as 2.50");
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(part) || 6 < part.len() {
            return Err(malformed());
        }
        let millionths = format!("{whole}{part:0<6}");
        millionths.parse().map(Cost).map_err(|_too_large| malformed())
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:04}", self.0 / 1_000_000, self.0 % 1_000_000 / 100)
    }
}

impl FromStr for Prices {
    type Err = String;

    fn from_str(text: &str) -> Result<Prices, String> {
        let malformed = || format!("\"{text}\" is no pair of prices such as 0.15,0.60");
        let (tokens_in, tokens_out) = text.split_once(',').ok_or_else(malformed)?;
        let price = |price: &str| price.parse::<Cost>().map(|cost| cost.0);
        Ok(Prices { tokens_in: price(tokens_in)?, tokens_out: price(tokens_out)? })
    }
}

/// What may be spent by one command.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Budget {
    /// Most tokens, of requests and answers together.
    pub tokens: Option<u64>,
    /// Most money, by the prices given.
    pub cost: Option<Cost>,
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bill {
    tokens_in: u64,
    tokens_out: u64,
}

impl Bill {
    /// Adds what answers took. Where the endpoint does not say, it is taken to be a token for
    /// every three bytes, which is more than most texts take: a budget is not to be overrun because
    /// nobody counted.
    pub(super) fn add(&mut self, asked: &[Request], answers: &[Answer], tokens: (u64, u64)) {
        let (mut tokens_in, mut tokens_out) = tokens;
        if tokens_in == 0 && tokens_out == 0 {
            tokens_in = estimated(asked.iter().map(sent).sum());
            // A vector is no text that anybody counts.
            let said = asked.iter().zip(answers).filter(|(it, _)| it.purpose != Purpose::Embed);
            tokens_out = estimated(said.map(|(_, answer)| answer.text.len()).sum());
        }
        self.tokens_in = self.tokens_in.saturating_add(tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(tokens_out);
    }

    /// The tokens of requests and answers together.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }

    /// What they cost.
    pub(super) fn cost(&self, prices: Prices) -> Cost {
        let of = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = of(self.tokens_in, prices.tokens_in) + of(self.tokens_out, prices.tokens_out);
        Cost(u64::try_from(sum / 1_000_000).unwrap_or(u64::MAX))
    }

    /// What of a budget is used up, in a phrase; nothing while there is some left.
    pub(super) fn exhausts(&self, budget: Budget, prices: Option<Prices>) -> Option<String> {
        if let Some(most) = budget.tokens
            && most <= self.tokens()
        {
            return Some(format!("{} of {most} tokens", self.tokens()));
        }
        match (budget.cost, prices.map(|prices| self.cost(prices))) {
            (Some(most), Some(spent)) if most <= spent => Some(format!("{spent} of {most}")),
            _ => None,
        }
    }
}

/// How many bytes of text are sent for a request.
fn sent(request: &Request) -> usize {
    let messages = request.messages.iter().map(|message| {
        let calls = message.calls.iter().map(|call| call.name.len() + call.arguments.len());
        message.content.len() + calls.sum::<usize>()
    });
    messages.sum::<usize>() + request.tools.iter().map(String::len).sum::<usize>()
}

fn estimated(bytes: usize) -> u64 {
    bytes.div_ceil(3) as u64
}

#[cfg(test)]
mod tests {
    use schemas::{Answer, Finish, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling};

    use super::{Bill, Budget, Cost, Prices};

    #[test]
    fn what_the_endpoint_does_not_count_is_estimated() {
        let request = Request {
            purpose: Purpose::Describe,
            model: "small".into(),
            messages: vec![Prompt::said(PromptRole::User, "x".repeat(300))],
            sampling: Sampling { temperature_permille: 0, tokens_max: 9 },
            format: ResponseFormat::Text,
            trial: 0,
            tools: Vec::new(),
        };
        let answer = Answer {
            request: request.id(),
            text: "y".repeat(30),
            finish: Finish::Stop,
            tokens_in: 70,
            tokens_out: 8,
        };
        let mut bill = Bill::default();
        bill.add(std::slice::from_ref(&request), std::slice::from_ref(&answer), (70, 8));
        assert_eq!(bill.tokens(), 78);
        bill.add(std::slice::from_ref(&request), std::slice::from_ref(&answer), (0, 0));
        assert_eq!(bill.tokens(), 78 + 110);
        let point = Request { purpose: Purpose::Embed, ..request };
        bill.add(&[point.clone(), point], &[answer.clone(), answer], (0, 0));
        assert_eq!(bill.tokens(), 78 + 110 + 200, "of vectors, what was sent");
    }

    #[test]
    fn money_is_counted_in_millionths() {
        let prices: Prices = "0.15,0.60".parse().unwrap();
        let bill = Bill { tokens_in: 2_000_000, tokens_out: 500_000 };
        assert_eq!(bill.cost(prices), Cost(600_000));
        assert_eq!(bill.cost(prices).to_string(), "0.6000");
        assert_eq!("3".parse(), Ok(Cost(3_000_000)));
        for malformed in ["", ".5", "1.0000001", "-1", "1e3", "99999999999999999999"] {
            assert!(malformed.parse::<Cost>().is_err(), "{malformed}");
        }
        assert!("0.15".parse::<Prices>().is_err());
    }

    #[test]
    fn budget_is_exhausted_when_it_is_reached() {
        let bill = Bill { tokens_in: 60, tokens_out: 40 };
        let of = |tokens| bill.exhausts(Budget { tokens: Some(tokens), cost: None }, None);
        assert_eq!((of(101), of(100)), (None, Some("100 of 100 tokens".into())));
        let prices = "1000,1000".parse().ok();
        let of_cost = |cost| bill.exhausts(Budget { tokens: None, cost: Some(cost) }, prices);
        assert_eq!(of_cost(Cost(100_001)), None);
        assert_eq!(of_cost(Cost(100_000)), Some("0.1000 of 0.1000".into()));
    }
}
