//! The regional parameter of the state in SSM.

use async_trait::async_trait;
use aws_sdk_ssm::Client;

use super::error::port_error;
use crate::ports::{PortResult, StateParameter};
use crate::region::{Declared, RegionState};

pub(super) struct SsmStateParameter {
    client: Client,
    name: String,
}

impl SsmStateParameter {
    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

#[async_trait]
impl StateParameter for SsmStateParameter {
    async fn read(&self) -> PortResult<(Declared, u64)> {
        match self.client.get_parameter().name(&self.name).send().await {
            Ok(answer) => {
                let parameter = answer.parameter();
                let value = parameter.and_then(|p| p.value()).unwrap_or_default();
                let version = parameter.map_or(0, |p| u64::try_from(p.version()).unwrap_or(0));
                Ok((RegionState::parse(value).map_or(Declared::Unknown, Declared::Known), version))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_parameter_not_found()) => {
                Ok((Declared::Unknown, 0))
            }
            Err(error) => Err(port_error("GetParameter")(error)),
        }
    }
}
