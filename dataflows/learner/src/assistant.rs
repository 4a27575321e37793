//! A checkpoint that answers conversations.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::calls::{Turn, parse};
use crate::checkpoint::read_parameters;
use crate::config::Config;
use crate::decoder::Decoder;
use crate::error::LearnError;
use crate::evaluation::ends;
use crate::generation::{Choice, Known, Said, go_on};
use crate::rendering::Renderer;
use crate::template::Conversation;

/// A model with its tokenizer and template.
#[derive(Debug)]
pub struct Assistant {
    /// The model.
    pub model: Decoder,
    /// Its tokenizer and template.
    pub renderer: Renderer,
    /// Where it computes.
    pub device: Device,
}

impl Assistant {
    /// Reads a model's directory, or that of a run, whose result is in `model/`.
    ///
    /// # Errors
    ///
    /// Names the file, the place in it and a remedy if something cannot be used.
    pub fn read(folder: &Path, device: Device) -> Result<Assistant, LearnError> {
        let folder = checkpoint_of(folder);
        let config = Config::read(&folder)?;
        let renderer = Renderer::read(&folder)?;
        renderer.vocabulary.fits(config.vocabulary)?;
        let parameters = read_parameters(&folder, &config, &device)?;
        Ok(Assistant { model: Decoder::new(config, parameters), renderer, device })
    }

    /// What it says next.
    ///
    /// # Errors
    ///
    /// If the template refuses the conversation or it has no room in the model's positions.
    pub fn answer(
        &self,
        conversation: &Conversation,
        most: usize,
        choice: Choice,
    ) -> Result<(Turn, Said), LearnError> {
        let prompt = self.renderer.prompt(conversation)?;
        let ends = ends(&self.model, &self.renderer.vocabulary);
        let mut known = Known::default();
        let said = go_on(&self.model, &prompt, &ends, most, choice, &mut known, &self.device)?;
        Ok((parse(&self.renderer.vocabulary.decode(&said.tokens)?), said))
    }
}

/// The model's directory that a folder is or, if a run made it, has.
pub fn checkpoint_of(folder: &Path) -> PathBuf {
    let within = folder.join("model");
    if folder.join("run.json").is_file() && within.is_dir() { within } else { folder.into() }
}
