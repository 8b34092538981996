using Relay.Server.Admin;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Audit;

/// <summary>
/// Writes the audit log. Who acts is answered when the entry is on disk; an act that was done and could not be entered goes to the server's
/// log. Any thread.
/// </summary>
internal sealed partial class AuditTrail(IAuditLog log, TimeProvider time, ILogger<AuditTrail> logger)
{
    /// <summary>The outcome of an act that was done.</summary>
    public const string Done = "ok";

    /// <summary>Refused attempts that are entered in a minute: whoever likes can make them, and they must not wash out everything else.</summary>
    private const int MostRefused = 10;

    private static readonly TimeSpan RefusedWindow = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _windowEnd;
    private int _inWindow;
    private int _omitted;

    /// <summary>Enters an act. Never fails.</summary>
    /// <param name="context">The request; says who, and from where.</param>
    /// <param name="act">One of <see cref="AuditActs"/>.</param>
    /// <param name="note">What the endpoint said of it.</param>
    /// <param name="outcome">ok, or the error.</param>
    public Task RecordAsync(HttpContext context, string act, AuditNote note, string outcome)
    {
        var admin = context.Features.Get<AdminCaller>();
        return AppendAsync(New(context, act, outcome) with
        {
            Actor = admin?.Id ?? note.Agent?.Value,
            ActorName = admin?.Name,
            Target = note.Target ?? TargetOf(context),
            Detail = note.Detail,
        });
    }

    /// <summary>Enters a call whose key opens nothing or has too small a role, unless there were many of late. Never fails.</summary>
    public Task RefusedAsync(HttpContext context, AdminCaller? admin, string error)
    {
        int omitted;
        lock (_gate)
        {
            if (Repeating.IsDue(ref _windowEnd, RefusedWindow, time.GetUtcNow()))
            {
                _inWindow = 0;
            }

            if (++_inWindow > MostRefused)
            {
                _omitted++;
                return Task.CompletedTask;
            }

            (omitted, _omitted) = (_omitted, 0);
        }

        return AppendAsync(New(context, AuditActs.Refused, error) with
        {
            Actor = admin?.Id,
            ActorName = admin?.Name,
            Target = TargetOf(context),
            Detail = $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText?.TrimEnd('/')}",
            Omitted = omitted > 0 ? omitted : null,
        });
    }

    private AuditEntry New(HttpContext context, string act, string outcome) => new()
    {
        At = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Act = act,
        Address = context.Connection.RemoteIpAddress?.ToString(),
        Outcome = outcome,
    };

    /// <summary>Only ids that can be some: what else stands in the URL is not the log's business.</summary>
    private static string? TargetOf(HttpContext context)
    {
        const int Longest = 80;
        var values = context.Request.RouteValues;
        return (values["relayId"] ?? values["id"]) is string { Length: <= Longest } id && !id.Any(char.IsControl) ? id : null;
    }

    private async Task AppendAsync(AuditEntry entry)
    {
        try
        {
            await log.AppendAsync(entry);
        }
        catch (Exception exception)
        {
            var cause = exception is StoreUnavailableException ? exception.Message : exception.ToString();

            // What did not come about, in an outage above all, is no reason to wake anybody.
            NotEntered(logger, entry.Outcome == Done ? LogLevel.Warning : LogLevel.Information, entry.Act, entry.Outcome, entry.Actor, entry.Target, entry.Address, cause);
        }
    }

    [LoggerMessage(EventId = 1701, Message = "Not in the audit log: {Act} ({Outcome}) by {Actor} on {Target} from {Address}: {Cause}")]
    private static partial void NotEntered(ILogger logger, LogLevel level, string act, string outcome, string? actor, string? target, string? address, string cause);
}
