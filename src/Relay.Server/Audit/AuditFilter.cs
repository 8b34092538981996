using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Http;

namespace Relay.Server.Audit;

/// <summary>What an endpoint says of the act that it does, beyond what the request says. A feature of the request.</summary>
internal sealed class AuditNote
{
    /// <summary>Whom or what it is about, if the route does not say it.</summary>
    public string? Target { get; set; }

    public string? Detail { get; set; }

    /// <summary>The agent that acts for itself.</summary>
    public RelayId? Agent { get; set; }

    public static AuditNote Of(HttpContext context)
    {
        var note = context.Features.Get<AuditNote>();
        if (note is null)
        {
            context.Features.Set(note = new AuditNote());
        }

        return note;
    }
}

/// <summary>Enters what administrators do at an endpoint, and what agents do there that say so in the <see cref="AuditNote"/>.</summary>
internal sealed class AuditFilter(string act) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        object? result;
        try
        {
            result = await next(context);
        }
        catch
        {
            // What was begun may have been done.
            await RecordAsync(context.HttpContext, ErrorCodes.Internal);
            throw;
        }

        var outcome = (result as ErrorResult)?.Error ?? AuditTrail.Done;
        if (outcome != ErrorCodes.Forbidden)
        {
            // Who may not is entered by Access.
            await RecordAsync(context.HttpContext, outcome);
        }

        return result;
    }

    private Task RecordAsync(HttpContext context, string outcome)
    {
        var note = AuditNote.Of(context);
        return context.Features.Get<AdminCaller>() is null && note.Agent is null
            ? Task.CompletedTask
            : context.RequestServices.GetRequiredService<AuditTrail>().RecordAsync(context, act, note, outcome);
    }
}

internal static class AuditConventions
{
    /// <summary>Enters what is done here in the audit log.</summary>
    /// <param name="endpoints">An endpoint.</param>
    /// <param name="act">One of <see cref="AuditActs"/>.</param>
    public static RouteHandlerBuilder Audited(this RouteHandlerBuilder endpoints, string act) => endpoints.AddEndpointFilter(new AuditFilter(act));
}
