//! Conversations become documents: tokens, and which of them are to be learned.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::error::LearnError;
use crate::examples::Example;
use crate::loss::Document;
use crate::template::{ChatTemplate, Conversation, guarded_value};
use crate::vocabulary::{Tokens, Vocabulary};

/// What turns conversations into tokens: a checkpoint's tokenizer and its templates.
#[derive(Debug)]
pub struct Renderer {
    /// The tokenizer.
    pub vocabulary: Vocabulary,
    template: ChatTemplate,
    training: ChatTemplate,
}

impl Renderer {
    /// Reads the tokenizer and the template of a model's directory.
    ///
    /// # Errors
    ///
    /// Names the file that is missing or cannot be used.
    pub fn read(folder: &Path) -> Result<Renderer, LearnError> {
        let template = ChatTemplate::read(folder)?;
        Ok(Renderer {
            vocabulary: Vocabulary::read(folder)?,
            training: template.for_training()?,
            template,
        })
    }

    /// The tokens that a model reads before it answers, as a server would give them.
    ///
    /// # Errors
    ///
    /// If the template refuses the conversation.
    pub fn prompt(&self, conversation: &Conversation) -> Result<Vec<u32>, LearnError> {
        let conversation = self.guard(conversation);
        let text = self.template.render(&conversation, true)?;
        Ok(self.vocabulary.encode(&text)?.ids)
    }

    /// The tokens before an answer in the template for training, which shows the thoughts of every
    /// turn: what the model saw before this turn when it was trained.
    ///
    /// # Errors
    ///
    /// If the template refuses the conversation.
    pub fn prompt_as_trained(&self, conversation: &Conversation) -> Result<Vec<u32>, LearnError> {
        let conversation = self.guard(conversation);
        let text = self.training.render(&conversation, true)?;
        Ok(self.vocabulary.encode(&text)?.ids)
    }

    /// The tokens of a whole conversation in the template for training, each with the assistant's
    /// turn that it is part of.
    ///
    /// # Errors
    ///
    /// If the template refuses the conversation.
    pub fn marked(&self, conversation: &Conversation) -> Result<Tokens, LearnError> {
        let conversation = self.guard(conversation);
        self.vocabulary.encode(&self.training.render(&conversation, false)?)
    }

    /// The document to learn from: of the assistant's turns, those that the row supervises.
    ///
    /// # Errors
    ///
    /// If the template refuses the conversation, or marks other turns than the assistant's.
    pub fn document(&self, example: &Example) -> Result<Document, LearnError> {
        let tokens = self.marked(&example.conversation)?;
        let messages = example.conversation.messages.iter().zip(&example.supervised);
        let turns: Vec<bool> = messages
            .filter(|(message, _)| message["role"] == "assistant")
            .map(|(_, supervised)| *supervised)
            .collect();
        let marks = tokens.marked.iter().flatten().max().map_or(0, |last| last + 1);
        if marks != turns.len() {
            return Err(LearnError::refused(
                format!("trajectory {}", example.id),
                format!("the template marks {marks} of {} assistant's turns", turns.len()),
                "put {% generation %} around every assistant's turn of the template",
            ));
        }
        let supervised = tokens.marked.iter().map(|mark| mark.is_some_and(|turn| turns[turn]));
        Ok(Document { supervised: supervised.collect(), tokens: tokens.ids })
    }

    /// All documents, made by as many threads as there are processors, in the order of the rows.
    ///
    /// # Errors
    ///
    /// As [`Renderer::document`], for the first row that fails.
    pub fn documents(&self, examples: &[Example]) -> Result<Vec<Document>, LearnError> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let share = examples.len().div_ceil(threads).max(1);
        let parts: Vec<Result<Vec<Document>, LearnError>> = thread::scope(|scope| {
            let running: Vec<_> = examples
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().map(|it| self.document(it)).collect()))
                .collect();
            running
                .into_iter()
                .map(|thread| match thread.join() {
                    Ok(documents) => documents,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        });
        let mut documents = Vec::with_capacity(examples.len());
        for part in parts {
            documents.extend(part?);
        }
        Ok(documents)
    }

    /// The conversation with every text guarded. A thought that an assistant's content begins
    /// with is set apart before, since its tags are control tokens.
    fn guard(&self, conversation: &Conversation) -> Conversation {
        let controls = self.vocabulary.controls();
        let message = |message: &Value| {
            let mut message = message.clone();
            let thought =
                match message["role"] == "assistant" && message["reasoning_content"].is_null() {
                    true => message["content"].as_str().and_then(apart),
                    false => None,
                };
            if let (Some((thought, said)), Value::Object(fields)) = (thought, &mut message) {
                fields.insert("reasoning_content".into(), thought.into());
                fields.insert("content".into(), said.into());
            }
            guarded_value(&message, controls)
        };
        Conversation {
            messages: conversation.messages.iter().map(message).collect(),
            tools: conversation.tools.iter().map(|it| guarded_value(it, controls)).collect(),
        }
    }
}

/// A thought at the beginning of a content, and what is said after it.
fn apart(content: &str) -> Option<(String, String)> {
    let (thought, said) = content.strip_prefix("<think>")?.split_once("</think>")?;
    Some((thought.trim_matches('\n').into(), said.trim_start_matches('\n').into()))
}
