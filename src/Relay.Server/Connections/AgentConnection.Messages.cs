using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Limits;

namespace Relay.Server.Connections;

/// <content>What the agent says, and what is answered to it. The read loop only.</content>
internal sealed partial class AgentConnection
{
    private async ValueTask HandleAsync(PooledBufferWriter content)
    {
        var message = Frames.ReadAgentMessage(content.WrittenSpan, out var error);
        if (message is null)
        {
            Refuse(error);
            return;
        }

        switch (_state)
        {
            case State.Authenticating when message is AuthMessage auth:
                await AuthenticateAsync(auth);
                break;
            case State.Authenticating:
                Refuse(new FrameError(ErrorCodes.AuthRequired, "Send an auth message first."));
                break;
            case State.Open or State.Draining:
            case State.Closing when _pump is not null && message is AckMessage or ReplyMessage:
                // What was done before the agent heard that it is over is done.
                _gaps?.Confirm();
                Handle(message);
                break;
            default:
                break;
        }
    }

    private void Handle(AgentMessage message)
    {
        switch (message)
        {
            case AckMessage { Id: null, Ids: null or { Count: 0 } }:
                Refuse(new FrameError(ErrorCodes.InvalidMessage, "An ack needs an id, or ids."));
                break;
            case AckMessage ack:
                if (ack.Id is not null)
                {
                    Pump.Ack(ack.Id);
                }

                foreach (var id in ack.Ids ?? [])
                {
                    Pump.Ack(id);
                }

                break;
            case NackMessage { Id: null } or ExtendMessage { Id: null } or ReplyMessage { Id: null }:
                Refuse(new FrameError(ErrorCodes.InvalidMessage, "This message needs an id."));
                break;
            case NackMessage nack:
                var retryAfter = nack.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, (long)TimeSpan.FromDays(7).TotalMilliseconds)) : (TimeSpan?)null;
                Pump.Nack(nack.Id!, nack.Reason, retryAfter, nack.DeadLetter ?? false);
                break;
            case ReplyMessage reply:
                if (AgentReply.From(reply, out var fault) is { } answer)
                {
                    Pump.Reply(reply.Id!, answer);
                }
                else
                {
                    SendError(ErrorCodes.InvalidMessage, fault!, reply.Id);
                }

                break;
            case ExtendMessage extend:
                Pump.Extend(extend.Id!);
                break;
            case AuthMessage:
                Refuse(new FrameError(ErrorCodes.InvalidMessage, "This connection is authenticated already."));
                break;
            default:
                break;
        }
    }

    private async Task AuthenticateAsync(AuthMessage auth)
    {
        if (!TryBeginOpening())
        {
            return;
        }

        var presented = _services.Guard.Present(
            ClientAddress.Of(_request.HttpContext.Connection.RemoteIpAddress), auth.ApiKey ?? "", RelayId.TryParse(auth.RelayId, out var named) ? named.Value : null);
        if (await presented.WaitAsync() is not null)
        {
            Stop(StopReason.TooManyFailures);
        }
        else if (!ApiKey.TryParse(auth.ApiKey, out var key) || await _services.Agents.FindByKeyAsync(key, CancellationToken.None) is not { } agent)
        {
            await presented.WasWrongAsync();
            Stop(StopReason.Unauthorized(ErrorCodes.InvalidApiKey, "The api key is missing, malformed, wrong or revoked. Check it, or register again."));
            await _services.AuthFailures.ReportAsync(auth.RelayId, _session, ErrorCodes.InvalidApiKey);
        }
        else if (!string.IsNullOrEmpty(auth.RelayId) && auth.RelayId != agent.Id.Value)
        {
            await presented.WasWrongAsync();
            Stop(StopReason.Unauthorized(ErrorCodes.RelayIdMismatch, "The api key is not of this relay id. Leave relay_id empty: the key alone finds its agent."));
            await _services.AuthFailures.ReportAsync(auth.RelayId, _session, ErrorCodes.RelayIdMismatch);
        }
        else
        {
            await presented.WasRightAsync();
            await _seat!.AuthenticatedAsync();
            await OpenAsync(agent, auth.MaxInFlight);
        }
    }

    /// <summary>Answers a frame that cannot be used. It never costs an authenticated connection.</summary>
    private void Refuse(FrameError error)
    {
        SendError(error.Error, error.Message, id: null);
        if (_state == State.Authenticating && ++_faultsBeforeAuth >= MaxFaultsBeforeAuth)
        {
            Stop(StopReason.ProtocolError);
        }
    }

    private void SendError(string error, string message, string? id) =>
        _outbound.Send(new ErrorMessage { Error = error, Message = message, Id = id, Timestamp = Now.ToUnixTimeMilliseconds() });
}
