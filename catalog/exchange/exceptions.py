"""What can be wrong with an upload, and with what is asked of an import."""

from ecommerce.exceptions import DomainError, ErrorRow


class FileRefused(DomainError):
    """The file as a whole is nothing that can be imported; nothing of it was stored."""

    status_code = 400
    code = "file_refused"
    message = "This file cannot be imported."
    attr = "file"

    def __init__(self, message: str = "") -> None:
        super().__init__([ErrorRow(self.code, message or self.message, self.attr)])


class FileTooLarge(FileRefused):
    status_code = 413
    code = "file_too_large"
    message = "The file is larger than the shop takes."


class FileEmpty(FileRefused):
    code = "file_empty"
    message = "The file is empty."


class FileUnsupported(FileRefused):
    code = "file_unsupported"
    message = "This is no CSV, NDJSON or XLSX file, whatever its name says."


class NotUtf8(FileRefused):
    code = "not_utf8"
    message = "The file is not UTF-8."


class CsvUnreadable(FileRefused):
    code = "csv_unreadable"
    message = "The rows of this CSV file cannot be told apart."


class SpreadsheetUnreadable(FileRefused):
    code = "spreadsheet_unreadable"
    message = "This spreadsheet is damaged or protected."


class SpreadsheetTooLarge(FileRefused):
    status_code = 413
    code = "spreadsheet_too_large"
    message = "This spreadsheet unpacks to more than the shop reads; save it as CSV (UTF-8)."


class TooManyColumns(FileRefused):
    code = "too_many_columns"
    message = "The file has too many columns."


class BadMapping(DomainError):
    status_code = 400
    code = "bad_mapping"
    message = "The mapping does not fit the file."


class RateMissing(DomainError):
    status_code = 400
    code = "rate_missing"
    message = "There is no exchange rate for this currency; give one as `rate`."


class ImportNotReady(DomainError):
    """The import is in a state in which this cannot be asked of it."""

    code = "import_state"
    message = "This import cannot do that now."


class FileGone(DomainError):
    code = "import_file_gone"
    message = "The file of this import has been thrown away; upload it again."
