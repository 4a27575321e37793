//! Where to compute.

use burn::tensor::Device;

use crate::error::LearnError;

/// The device of a name: `cpu`, or `wgpu` or `cuda` where this program was built with them.
///
/// # Errors
///
/// If the name is unknown or the program was built without it.
pub fn device(name: &str) -> Result<Device, LearnError> {
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0_usize)),
        "wgpu" | "cuda" => Err(LearnError::refused(
            format!("--device {name}"),
            "this agentscaler was installed without it",
            format!("cargo install --locked --path dataflows --features learner-{name}"),
        )),
        _ => Err(LearnError::refused(
            format!("--device {name}"),
            "is no device",
            "give cpu, wgpu or cuda",
        )),
    }
}
