using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>Takes what is due to one agent over HTTP, and settles it over HTTP. RunAsync: once. The deliveries: any thread.</summary>
internal sealed class Poll(ClientSettings settings, RelayHttp http, string relayId, SignatureCheck check, ClientEvents events, ILogger log) : IDeliveryOwner
{
    /// <summary>What leaving an enumeration may take besides.</summary>
    private static readonly TimeSpan GiveBackTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();

    /// <summary>Lease by lease until nothing is due, each one delivery after the other.</summary>
    public async IAsyncEnumerable<RelayDelivery> RunAsync(int limit, TimeSpan wait, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        settings.WarnIfReadable(log);
        while (await LeaseAsync(limit, wait, cancellationToken).ConfigureAwait(false) is { Count: > 0 } leased)
        {
            var (waiting, rejected) = Sort(leased);
            try
            {
                await RejectAsync(rejected, cancellationToken).ConfigureAwait(false);
                while (waiting.TryPeek(out var delivery))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    waiting.Dequeue();
                    yield return delivery;
                }
            }
            finally
            {
                await GiveBackAsync(waiting).ConfigureAwait(false);
            }
        }
    }

    bool IDeliveryOwner.IsSettled(RelayDelivery delivery)
    {
        lock (_lock)
        {
            return delivery.State == DeliveryState.Settled;
        }
    }

    ValueTask IDeliveryOwner.AckAsync(RelayDelivery delivery, RelayReply? reply) =>
        SettleAsync(delivery, new Call(HttpMethod.Delete, delivery.Id));

    ValueTask IDeliveryOwner.NackAsync(RelayDelivery delivery, TimeSpan? delay, string? reason, bool deadLetter) =>
        SettleAsync(delivery, Call.Nack(delivery.Id, delay, reason, deadLetter));

    ValueTask IDeliveryOwner.ExtendAsync(RelayDelivery delivery) => throw new NotSupportedException(
        "A delivery that was polled cannot be extended: its lease lasts one ack timeout. Poll fewer at a time, or connect with ReceiveAsync or RunAsync.");

    private async Task<List<WebhookMessage?>> LeaseAsync(int limit, TimeSpan wait, CancellationToken cancellationToken)
    {
        var path = $"pending/{relayId}?limit={limit}&wait={(int)Math.Ceiling(wait.TotalSeconds)}";
        using var answer = await http.SendAsync(HttpMethod.Get, path, json: null, wait, cancellationToken).ConfigureAwait(false);
        return answer.Status switch
        {
            HttpStatusCode.OK => PendingAnswer.Read(answer.Content) ?? throw new RelayException("What answered the poll is not a relay. Check Url, and proxies that answer in its place."),
            HttpStatusCode.NotFound when answer.Error is { Error: ErrorCodes.UnknownRelayId } => throw new RelayAuthenticationException(
                ErrorCodes.RelayIdMismatch, $"The api key is not that of the agent {relayId}. Set RelayId to the relay_id that came with the key."),
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>The genuine, to be shown, and what gives back the others.</summary>
    private (Queue<RelayDelivery> Genuine, List<Call> Rejected) Sort(List<WebhookMessage?> leased)
    {
        var genuine = new Queue<RelayDelivery>();
        var rejected = new List<Call>();
        foreach (var message in leased)
        {
            if (message is null)
            {
                events.Raise(new RelayError(RelayErrorKind.MalformedFrame, "A polled event could not be read; it was left to its lease."));
            }
            else if (check.Fault(message) is { } fault)
            {
                rejected.Add(Call.Nack(message.Id, delay: null, fault, deadLetter: false));
            }
            else
            {
                genuine.Enqueue(new RelayDelivery(message, this) { State = DeliveryState.Held });
            }
        }

        return (genuine, rejected);
    }

    /// <summary>What fails is left to its lease: it keeps nothing that is genuine from being shown.</summary>
    private async Task RejectAsync(List<Call> rejected, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var nack in rejected)
            {
                await SendAsync(nack, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (RelayException exception) when (exception is not RelayAuthenticationException)
        {
            log.NotGivenBack(rejected.Count, exception);
        }
    }

    /// <summary>The enumeration was left: what nobody saw is due at once, for the next poll. Never throws; what fails is left to its lease.</summary>
    private async Task GiveBackAsync(Queue<RelayDelivery> unseen)
    {
        if (unseen.Count == 0)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(GiveBackTimeout, settings.Time);
        try
        {
            foreach (var delivery in unseen)
            {
                await SendAsync(Call.Release(delivery.Id), timeout.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            log.NotGivenBack(unseen.Count, exception);
        }
    }

    /// <summary>The first to settle counts, unless it fails: then it may be tried again.</summary>
    private async ValueTask SettleAsync(RelayDelivery delivery, Call call)
    {
        lock (_lock)
        {
            if (delivery.State == DeliveryState.Settled)
            {
                return;
            }

            delivery.State = DeliveryState.Settled;
        }

        try
        {
            await SendAsync(call, CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            lock (_lock)
            {
                delivery.State = DeliveryState.Held;
            }

            throw;
        }
    }

    private async Task SendAsync(Call call, CancellationToken cancellationToken)
    {
        var path = $"events/{relayId}/{Uri.EscapeDataString(call.Id)}{call.Suffix}";
        using var answer = await http.SendAsync(call.Method, path, call.Json, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (answer.Error?.Error is ErrorCodes.UnknownEvent or ErrorCodes.NotInFlight)
        {
            log.SettledTooLate(call.Id);
        }
        else if (answer.Status != HttpStatusCode.OK)
        {
            throw answer.Unexpected();
        }
    }

    /// <summary>What settles an event.</summary>
    private sealed record Call(HttpMethod Method, string Id, string Suffix = "", byte[]? Json = null)
    {
        public static Call Nack(string id, TimeSpan? delay, string? reason, bool deadLetter) => new(HttpMethod.Post, id, "/nack", JsonSerializer.SerializeToUtf8Bytes(
            new NackRequest { Reason = reason, RetryAfterMs = (long?)delay?.TotalMilliseconds, DeadLetter = deadLetter ? true : null }, ApiJson.Default.NackRequest));

        public static Call Release(string id) => new(HttpMethod.Post, id, "/nack", JsonSerializer.SerializeToUtf8Bytes(new NackRequest { Release = true }, ApiJson.Default.NackRequest));
    }
}
