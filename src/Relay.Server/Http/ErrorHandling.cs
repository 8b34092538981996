using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Relay.Server.Storage;

namespace Relay.Server.Http;

/// <summary>Gives what no handler answered the one shape: exceptions, unknown addresses, wrong methods.</summary>
internal static partial class ErrorHandling
{
    public static IServiceCollection AddErrorHandling(this IServiceCollection services) =>
        services.AddSingleton<RefusalLog>().AddExceptionHandler<ExceptionMapper>();

    public static void UseErrorHandling(this WebApplication app)
    {
        app.UseExceptionHandler(static _ => { });
        app.Use(static next => context => NameStatusAsync(context, next));
    }

    /// <summary>The framework's own status code pages do the same, and add three objects to every request that live as long as it.</summary>
    private static async Task NameStatusAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response is { StatusCode: >= 400 and < 600, HasStarted: false, ContentLength: null, ContentType: null or "" } response)
        {
            await Failures.ForStatus(response.StatusCode).ExecuteAsync(context);
        }
    }

    /// <summary>Maps what is expected; anything else is logged by the framework and answered as 500.</summary>
    private sealed partial class ExceptionMapper(ILogger<ExceptionMapper> logger, RefusalLog refusals) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
        {
            switch (exception)
            {
                case StoreUnavailableException unavailable:
                    refusals.Add(unavailable.Message, httpContext.TraceIdentifier);
                    await AnswerAsync(httpContext, Failures.StoreUnavailable());
                    return true;
                case BadHttpRequestException bad:
                    await AnswerAsync(httpContext, Failures.ForStatus(bad.StatusCode));
                    return true;
                case ConnectionResetException:
                    // The sender is gone in the middle of its body, which is its own affair: it gets no answer, the log no error. Nor one
                    // of Kestrel's, which would otherwise try to read the rest.
                    httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
                    httpContext.Abort();
                    return true;
                default:
                    UnexpectedFailure(logger, exception, httpContext.TraceIdentifier);
                    await AnswerAsync(httpContext, Failures.ForStatus(StatusCodes.Status500InternalServerError));
                    return true;
            }
        }

        /// <summary>A sender may be gone before it is answered, in the middle of its body above all: that is no fault of the handler's.</summary>
        private static async Task AnswerAsync(HttpContext context, ErrorResult answer)
        {
            try
            {
                await answer.ExecuteAsync(context);
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
            {
            }
        }

        [LoggerMessage(1002, LogLevel.Error, "Request {RequestId} failed")]
        private static partial void UnexpectedFailure(ILogger logger, Exception exception, string requestId);
    }
}
