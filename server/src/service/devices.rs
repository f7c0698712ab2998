//! The devices of an account: added, listed, revoked. What signs decides who pays, so that each change needs a step up.

use super::session::{Login, Session};
use super::state::{OrRefuse, Service};
use crate::store::{Binding, Change};
use biopay_protocol::proof::{DEVICES_MAX, DeviceSignature, is_device_signed};
use biopay_protocol::{DeviceKey, DeviceKeys, Refusal, Response};

impl Service {
    pub(super) async fn add_device(
        &self,
        session: &Session,
        device: DeviceKey,
        signature: DeviceSignature,
    ) -> Result<Response, Refusal> {
        let (login, binding) = self.binding_to_change(session).await?;
        if !is_device_signed(device, session.channel(), &signature) {
            return Err(Refusal::DeviceRequired);
        }
        let mut devices = self.devices_of(&login, &binding)?;
        if !devices.contains(&device) {
            devices.push(device);
        }
        if devices.len() > DEVICES_MAX {
            return Err(Refusal::TooManyDevices);
        }
        self.put_devices(&login, binding, devices).await?;
        Ok(Response::DeviceAdded)
    }

    pub(super) async fn revoke_device(&self, session: &Session, device: DeviceKey) -> Result<Response, Refusal> {
        let (login, binding) = self.binding_to_change(session).await?;
        let mut devices = self.devices_of(&login, &binding)?;
        let before = devices.len();
        devices.retain(|known| *known != device);
        if devices.len() == before {
            return Err(Refusal::NoSuchDevice);
        }
        self.put_devices(&login, binding, devices).await?;
        Ok(Response::DeviceRevoked)
    }

    pub(super) async fn list_devices(&self, session: &Session) -> Result<Response, Refusal> {
        let login = session.login()?;
        let binding = self.standing(&login).await?.binding.ok_or(Refusal::NotBound)?;
        let devices = self.devices_of(&login, &binding)?;
        Ok(Response::Devices { devices: DeviceKeys::new(devices).map_err(|_| Refusal::Internal)? })
    }

    async fn binding_to_change(&self, session: &Session) -> Result<(Login, Binding), Refusal> {
        let login = session.login()?;
        let standing = self.standing(&login).await?;
        self.require_step_up(session, &standing)?;
        Ok((login, standing.binding.ok_or(Refusal::NotBound)?))
    }

    fn devices_of(&self, login: &Login, binding: &Binding) -> Result<Vec<DeviceKey>, Refusal> {
        binding.record.as_deref().map_or(Ok(Vec::new()), |sealed| self.devices_in(&login.name, sealed))
    }

    async fn put_devices(&self, login: &Login, before: Binding, devices: Vec<DeviceKey>) -> Result<(), Refusal> {
        let devices = DeviceKeys::new(devices).map_err(|_| Refusal::TooManyDevices)?;
        let record = self.seal_with_devices(&login.name, before.record.as_deref(), devices)?;
        let after = Binding { record, ..before.clone() };
        match self.store.replace_binding(login.account, before, after).await.or_refuse()? {
            Change::Done => Ok(()),
            // Somebody else changed it meanwhile.
            Change::Refused => Err(Refusal::Overloaded),
        }
    }
}
